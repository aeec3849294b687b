//! Opening and locking a lake.

use std::fs;

use headwater_lake::{Lake, LakeError, LockHolder, WriteMode};
use headwater_plan::{Code, RunId, TableName};

use crate::fixture::{Fixture, at, name, options, write};

fn holder(run: &str) -> LockHolder {
    LockHolder {
        run_id: RunId(run.to_string()),
        pid: 4711,
        host: "laptop".to_string(),
        command: "run gold".to_string(),
        since: at(),
    }
}

#[tokio::test]
async fn opening_writes_nothing_and_takes_paths_and_urls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/there/yet");
    let lake = Lake::open(&path.display().to_string(), "not/there/yet", None).await.unwrap();
    assert!(lake.relation(&name()).await.unwrap().is_none());
    assert_eq!(lake.relations().await.unwrap(), []);
    assert_eq!(lake.ledger(&name(), None).await.unwrap().batches(), []);
    assert!(!folder.path().join("not").exists());
    let url = format!("file://{}", path.display());
    assert_eq!(Lake::open(&url, &url, None).await.unwrap().folder(), lake.folder());
}

#[tokio::test]
async fn a_lake_may_lie_in_a_folder_of_any_name() {
    let folder = tempfile::tempdir().unwrap();
    for odd in ["my lake", "100%", "é ß 漢", "a#b?c", "x+y&z", "link"] {
        if odd == "link" {
            std::os::unix::fs::symlink(folder.path().join("my lake"), folder.path().join(odd)).unwrap();
        } else {
            fs::create_dir(folder.path().join(odd)).unwrap();
        }
        let path = folder.path().join(odd).join("..").join(odd).join("new/lake");
        let lake = Lake::open(&path.display().to_string(), odd, None).await.unwrap();
        let fixture = Fixture { folder: tempfile::tempdir().unwrap(), lake };
        fixture.write(WriteMode::Replace, &[1]).await;
        fixture.write(WriteMode::Append, &[2]).await;
        assert_eq!(fixture.ids().await, [1, 2], "{odd}");
        assert_eq!(fixture.lake.relations().await.unwrap().len(), 1, "{odd}");
    }
    let lake = Lake::open(&folder.path().display().to_string(), "odd", None).await.unwrap();
    let mut spaced = options(WriteMode::Append, None);
    spaced.target = TableName::new("my layer", "größte things");
    write(lake.begin_write(spaced.clone()).await.unwrap(), &[1]).await.unwrap();
    assert!(lake.relation(&spaced.target).await.unwrap().is_some());
}

#[tokio::test]
async fn one_holder_at_a_time_and_it_is_named() {
    let fixture = Fixture::new().await;
    let held = fixture.lake.lock(&holder("one")).unwrap();
    let other = Lake::open(&fixture.root().display().to_string(), "./lake", None).await.unwrap();
    let error = other.lock(&holder("two")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the lake `./lake` is in use by `headwater run gold` (process 4711 on laptop, since 2024-05-06T07:08:09Z)"
    );
    assert_eq!(error.diagnostic().code, Code::LakeInUse);
    assert!(error.diagnostic().retryable);
    assert!(matches!(&error, LakeError::InUse { holder: Some(found), .. } if **found == holder("one")));
    drop(held);
    let _held = other.lock(&holder("two")).unwrap();
}

#[tokio::test]
async fn a_lock_dies_with_its_process() {
    let fixture = Fixture::new().await;
    drop(fixture.lake.lock(&holder("one")).unwrap());
    let file = fixture.root().join("_headwater/lock");
    fs::write(&file, serde_json::to_string(&holder("another process")).unwrap()).unwrap();
    // `flock` takes the same lock from another process, and `SIGKILL` lets it go.
    let mut other =
        std::process::Command::new("flock").arg("--no-fork").arg(&file).args(["sleep", "60"]).spawn().unwrap();
    let refused = loop {
        match fixture.lake.lock(&holder("two")) {
            Ok(lock) => drop(lock),
            Err(error) => break error,
        }
        fs::write(&file, serde_json::to_string(&holder("another process")).unwrap()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert!(matches!(refused, LakeError::InUse { .. }), "{refused}");
    other.kill().unwrap();
    other.wait().unwrap();
    fixture.lake.lock(&holder("two")).unwrap();
}

#[tokio::test]
async fn locking_removes_what_a_dead_process_was_dropping() {
    let fixture = Fixture::new().await;
    let dropped = fixture.root().join("_headwater/dropped/gold.things.0af3");
    fs::create_dir_all(&dropped).unwrap();
    let _held = fixture.lake.lock(&holder("one")).unwrap();
    assert!(!dropped.exists());
}
