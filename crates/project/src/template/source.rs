//! The texts that are rendered: each is compiled once, when it is first needed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::dialect::{Offsets, Role, rewrite};

/// A text.
#[derive(Debug)]
pub(super) struct Source {
    /// Its name in minijinja: the path, and a number if another text came from there before.
    pub(super) name: String,
    /// The file, relative to the project.
    pub(super) path: PathBuf,
    /// As the user wrote it.
    pub(super) text: String,
    /// The package that it belongs to.
    pub(super) package: Arc<str>,
    role: Role,
    offsets: OnceLock<Offsets>,
}

impl Source {
    /// The text as minijinja reads it.
    fn load(&self) -> String {
        let dialect = rewrite(&self.text, self.role);
        self.offsets.get_or_init(|| dialect.offsets);
        dialect.text
    }

    /// What the user wrote of what minijinja read; before anything was read, nothing can have failed there.
    pub(super) fn written(&self, read: std::ops::Range<usize>) -> std::ops::Range<usize> {
        match self.offsets.get() {
            Some(offsets) => offsets.written(read),
            None => read,
        }
    }
}

/// All texts of a project.
#[derive(Debug, Default)]
pub(super) struct Sources(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By the hash of all that makes a text another.
    by_hash: HashMap<u64, Vec<Arc<Source>>>,
    by_name: HashMap<String, Arc<Source>>,
    /// How many texts came from a path.
    of_path: HashMap<PathBuf, usize>,
}

impl Sources {
    /// The text of that path, which is kept.
    pub(super) fn keep(&self, path: &Path, text: &str, package: &str, role: Role) -> Arc<Source> {
        let mut hasher = DefaultHasher::new();
        (path, text, package, role).hash(&mut hasher);
        let hash = hasher.finish();
        let same = |source: &&Arc<Source>| {
            source.role == role && source.path == path && *source.package == *package && source.text == text
        };
        {
            let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = inner.by_hash.get(&hash).and_then(|known| known.iter().find(same)) {
                return Arc::clone(known);
            }
        }
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = inner.by_hash.get(&hash).and_then(|known| known.iter().find(same)) {
            return Arc::clone(known);
        }
        let number = inner.of_path.entry(path.to_path_buf()).or_default();
        let name = match *number {
            0 => path.display().to_string(),
            number => format!("{}#{number}", path.display()),
        };
        *number += 1;
        let source = Arc::new(Source {
            name: name.clone(),
            path: path.to_path_buf(),
            text: text.to_string(),
            package: package.into(),
            role,
            offsets: OnceLock::new(),
        });
        inner.by_hash.entry(hash).or_default().push(Arc::clone(&source));
        inner.by_name.insert(name, Arc::clone(&source));
        source
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Source>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_name.get(name).cloned()
    }

    /// What minijinja reads under a name.
    pub(super) fn load(&self, name: &str) -> Option<String> {
        self.get(name).map(|source| source.load())
    }
}
