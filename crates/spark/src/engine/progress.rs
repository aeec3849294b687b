//! The lines of a job's progress as they come.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::error::SparkError;
use crate::launch::Folder;
use crate::result::NodeResult;

/// A progress that is read on from where it was read to.
pub(super) struct Progress {
    folder: Folder,
    /// The bytes of whole lines that have been read.
    read: u64,
}

impl Progress {
    pub(super) fn of(folder: &Folder) -> Self {
        Self { folder: folder.clone(), read: 0 }
    }

    /// The nodes that have ended since; a line that is not whole yet is left for the next time.
    pub(super) fn read(&mut self) -> Result<Vec<NodeResult>, SparkError> {
        let path = self.folder.progress();
        let failed = |source| SparkError::file("read", &path, source);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        file.seek(SeekFrom::Start(self.read)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut results = Vec::new();
        for line in bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
        {
            let result = serde_json::from_slice(line);
            results.push(result.map_err(|source| SparkError::Json { path: path.clone(), source })?);
        }
        self.read += whole as u64;
        Ok(results)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use headwater_plan::RunId;

    use super::*;

    #[test]
    fn half_a_line_waits_for_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path(), &RunId("a".to_owned()), 1);
        folder.create().unwrap();
        let mut progress = Progress::of(&folder);
        assert_eq!(progress.read().unwrap(), []);
        let line = |id: &str| format!(r#"{{"id":"{id}","status":"success","started_at":null,"duration_ms":1}}"#);
        let (first, second) = (line("a"), line("b"));
        fs::write(folder.progress(), format!("{first}\n{}", &second[..10])).unwrap();
        let ids = |results: Vec<NodeResult>| results.into_iter().map(|result| result.id.0).collect::<Vec<_>>();
        assert_eq!(ids(progress.read().unwrap()), ["a"]);
        fs::write(folder.progress(), format!("{first}\n{second}\n")).unwrap();
        assert_eq!(ids(progress.read().unwrap()), ["b"]);
        assert_eq!(progress.read().unwrap(), []);
    }
}
