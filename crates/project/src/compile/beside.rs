//! What a project has beside its nodes: exposures, macros, doc blocks.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use headwater_plan::{Beside, DocBlock, Exposure, Group, MacroAbout};
use headwater_plan::{Diagnostic, Diagnostics, NodeId};
use serde_json::Value;

use super::item::Item;
use super::resolve::{Registry, Unresolved};
use super::world::{Facts, NodeWorld};
use crate::config::{ExposureDecl, GroupDecl, Loaded, Package};
use crate::template::{Phase, Template, Templates, Unrendered, blocks};

/// Gathers it.
pub(super) struct Gathering<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) items: &'a [Item<'a>],
    pub(super) registry: &'a Registry<'a>,
    pub(super) templates: &'a Templates,
    pub(super) facts: &'a Arc<Facts>,
    /// Expands the Jinja of descriptions.
    pub(super) expand: &'a dyn Fn(&str, &str) -> String,
}

impl Gathering<'_> {
    pub(super) fn all(&self, diagnostics: &mut Diagnostics) -> Beside {
        let exposures = self.exposures(diagnostics);
        let docs = self.loaded.packages.iter().flat_map(docs).collect();
        Beside { exposures, docs, macros: self.macros(), groups: self.groups() }
    }

    /// Who owns what.
    fn groups(&self) -> Vec<Group> {
        let of_package = |package: &Package| {
            let group = |group: &GroupDecl| Group {
                name: group.name.clone(),
                package: package.name.clone(),
                file: group.location.file.clone(),
                owner: group.owner.clone(),
            };
            package.groups.iter().map(group).collect::<Vec<_>>()
        };
        self.loaded.packages.iter().flat_map(of_package).collect()
    }

    /// Who uses what; the part of it in which something can be wrong.
    pub(super) fn exposures(&self, diagnostics: &mut Diagnostics) -> Vec<Exposure> {
        let mut exposures = Vec::new();
        for package in &self.loaded.packages {
            for decl in &package.exposures {
                exposures.extend(self.exposure(package, decl, diagnostics));
            }
        }
        exposures
    }

    fn exposure(&self, package: &Package, decl: &ExposureDecl, diagnostics: &mut Diagnostics) -> Option<Exposure> {
        if decl.config.get("enabled").and_then(Value::as_bool) == Some(false) {
            return None;
        }
        let id = NodeId(format!("exposure.{}.{}", package.name, decl.name));
        let mut depends_on = Vec::new();
        for read in &decl.depends_on {
            match self.read(package, read) {
                Ok(Some(id)) => depends_on.push(id),
                Ok(None) => {}
                Err(wrong) => diagnostics.push(wrong.at(decl.location.clone()).node(id.clone())),
            }
        }
        let mut fqn = vec![package.name.clone()];
        fqn.extend(decl.folders.iter().cloned());
        fqn.push(decl.name.clone());
        Some(Exposure {
            id,
            name: decl.name.clone(),
            package: package.name.clone(),
            fqn,
            location: decl.location.clone(),
            kind: decl.kind.clone(),
            depends_on,
            description: decl.description.as_deref().map(|text| (self.expand)(&package.name, text)),
            label: decl.label.clone(),
            url: decl.url.clone(),
            maturity: decl.maturity.clone(),
            owner: decl.owner.clone(),
            tags: decl.tags.clone(),
            meta: decl.meta.clone(),
        })
    }

    /// The node that `ref('x')` or `source('a', 'b')` means.
    fn read(&self, package: &Package, written: &str) -> Result<Option<NodeId>, Diagnostic> {
        let text = format!("{{{{ {written} }}}}");
        let template = Template { path: Path::new("exposure"), text: &text, package: &package.name, this: None };
        let world = NodeWorld::shared(self.facts, Value::Null);
        let rendered = match self.templates.render(template, &world, Phase::Parse) {
            Ok(rendered) => rendered,
            Err(Unrendered::Wrong(wrong)) => return Err(*wrong),
            Err(Unrendered::Later(_)) => return Ok(None),
        };
        let Some(call) = rendered.calls.first() else { return Ok(None) };
        match self.registry.resolve(self.items, &package.name, call) {
            Ok(index) => Ok(index.map(|index| self.items[index].id.clone())),
            Err(Unresolved::Told(wrong)) => Err(*wrong),
            Err(Unresolved::Silent) => Ok(None),
        }
    }

    fn macros(&self) -> Vec<MacroAbout> {
        let mut described: HashMap<(&str, &str), &str> = HashMap::new();
        for package in &self.loaded.packages {
            for decl in &package.macros {
                let text = decl.description.as_deref().unwrap_or_default();
                described.insert((&package.name, &decl.name), text);
            }
        }
        let mut files: HashMap<&Path, &str> = HashMap::new();
        for package in &self.loaded.packages {
            files.extend(package.macro_files.iter().map(|file| (file.path.as_path(), file.text.as_str())));
        }
        let about = self.templates.macros().filter_map(|found| {
            let text = text_of(files.get(found.file.as_path())?, found.location.line);
            let told = described.get(&(found.package.as_str(), found.name.as_str())).copied().unwrap_or_default();
            Some(MacroAbout {
                id: found.id.clone(),
                name: found.name.clone(),
                package: found.package.clone(),
                file: found.file.clone(),
                text,
                description: (self.expand)(&found.package, told),
            })
        });
        let mut macros: Vec<MacroAbout> = about.collect();
        macros.sort_by(|a, b| a.id.cmp(&b.id));
        macros
    }
}

/// The text of the macro whose name stands in that line, to its end.
fn text_of(file: &str, line: u64) -> String {
    let start: usize = file.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
    let rest = &file[start..];
    let ends = ["endmacro", "endtest", "enddata_test"].into_iter().filter_map(|word| rest.find(word)).min();
    let end = ends.and_then(|end| Some(end + rest[end..].find("%}")? + 2)).unwrap_or(rest.len());
    rest[..end].to_owned()
}

fn docs(package: &Package) -> Vec<DocBlock> {
    let mut docs = Vec::new();
    for file in &package.doc_files {
        for block in blocks(&file.text, "docs") {
            docs.push(DocBlock {
                name: block.name.clone(),
                package: package.name.clone(),
                file: file.path.clone(),
                text: file.text[block.body.clone()].trim().to_owned(),
            });
        }
    }
    docs
}
