//! The ledger's files: the oldest is read, the newest is as it was agreed, and what is damaged is named.

use std::fs;

use super::*;

/// Never change this text: it is what the first Headwater wrote.
const OLDEST: &str = r#"{"version":1,"batch":1,"run_id":"01890a5d","planned_at":"2024-05-06T07:08:09Z","replace":true,"files":[{"path":"/in/a.csv","size":12,"tag":"2024-05-06T07:00:00.000000001Z"}]}"#;

/// Never change this text either: it is what the second format is.
const SECOND: &str = r#"{"version":2,"batch":2,"id":"0f9d3c5e-7a0b-4c3d-9e8f-112233445566","run_id":"01890a5d","planned_at":"2024-05-06T07:08:09Z","replace":false,"follows":1,"contents":{"files":[{"path":"/in/b.csv","size":3,"tag":"t"}]}}"#;

const REPLAY: &str = r#"{"version":2,"batch":3,"id":"0f9d3c5e-7a0b-4c3d-9e8f-112233445567","run_id":"01890a5d","planned_at":"2024-05-06T07:08:09Z","replace":false,"follows":2,"contents":"replay"}"#;

fn write(lake: &Lake, ledger: &Ledger, name: Name, text: &str) -> PathBuf {
    let path = on_disk(lake, ledger, name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn every_format_of_batches_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let empty = read(&lake, &Stands::default()).await;
    let path = write(&lake, &empty, Name::Batch(1), OLDEST);
    write(&lake, &empty, Name::Batch(2), SECOND);
    write(&lake, &empty, Name::Batch(3), REPLAY);
    // What a process leaves that dies while it stages the next batch, and what somebody else put there.
    fs::write(path.with_file_name(".00000000000000000004.json.0af3.tmp"), "{").unwrap();
    fs::write(path.with_file_name("notes.txt"), "{").unwrap();

    let stands = Stands::at(1, 1, None);
    let ledger = read(&lake, &stands).await;
    let planned_at = "2024-05-06T07:08:09Z".parse().unwrap();
    let tag = "2024-05-06T07:00:00.000000001Z".to_string();
    let oldest = Batch {
        number: 1,
        id: None,
        run_id: RunId("01890a5d".to_string()),
        planned_at,
        replace: true,
        follows: 0,
        contents: Contents::Files(vec![LedgerFile { path: "/in/a.csv".to_string(), size: 12, tag }]),
    };
    assert_eq!(ledger.batches()[0], oldest);
    assert_eq!(ledger.unfinished_in(&stands).await.unwrap(), [], "the first format left nothing to do");
    assert_eq!(ledger.pending(), [2, 3]);
    assert_eq!(ledger.batches()[2].contents, Contents::Replay);
    let second = &ledger.batches()[1];
    let json = format::batch_to_json(second, second.id.unwrap(), &ledger.paths).unwrap();
    assert_eq!(String::from_utf8(json).unwrap(), SECOND, "and it is what is written today");
}

#[tokio::test]
async fn batches_of_the_first_format_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let empty = read(&lake, &Stands::default()).await;
    write(&lake, &empty, Name::Batch(1), OLDEST);
    for batch in [2, 3] {
        let text =
            OLDEST.replace("\"batch\":1", &format!("\"batch\":{batch}")).replace("a.csv", &format!("{batch}.csv"));
        write(&lake, &empty, Name::Batch(batch), &text.replace("true", "false"));
    }
    let mut ledger = read(&lake, &Stands::at(1, 2, None)).await;
    assert_eq!((ledger.is_committed(1), ledger.is_committed(2), ledger.pending()), (true, true, vec![3]));
    // And one of today follows them.
    let mut full = read(&lake, &Stands::at(1, 3, None)).await;
    assert_eq!(full.write_ahead(&run(), AT, files(&[9])).await.unwrap().follows, 3);
    let taken = ledger.write_ahead(&run(), AT, files(&[9])).await.unwrap_err();
    assert!(matches!(taken, LakeError::BatchTaken { batch: 4, .. }));
}

#[tokio::test]
async fn the_other_files_are_as_they_were_agreed() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let ledger = read(&lake, &Stands::default()).await;
    let id = Uuid::from_u128(1);
    let skipped = Skipped { header: 1, ..Skipped::default() };
    let account = FileAccount { path: "/in/a.csv".to_string(), records: 3, loaded: 2, quarantined: 1, skipped };
    let quarantine = Some(QuarantineChange { replace: true, add: Vec::new() });
    let attempt = Attempt { id, batch: 1, run_id: run(), at: AT, quarantine, account: vec![account] };
    let json = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let staged = format::attempt_to_json(&attempt, &ledger.paths).unwrap();
    assert_eq!(format::attempt_from_json(&staged, "file").unwrap(), attempt);
    insta::assert_snapshot!(json(staged), @r#"{"version":1,"batch":1,"attempt":"00000000-0000-0000-0000-000000000001","run_id":"run","at":"1970-01-01T00:00:00Z","quarantine":{"replace":true,"add":[]},"account":[{"path":"/in/a.csv","records":3,"loaded":2,"quarantined":1,"skipped":{"blank":0,"comment":0,"preamble":0,"header":1,"footer":0}}]}"#);
    let done = format::done_to_json(&attempt, &ledger.paths).unwrap();
    assert_eq!(format::done_from_json(&done, "file").unwrap(), Attempt { quarantine: None, ..attempt });
    insta::assert_snapshot!(json(done), @r#"{"version":1,"batch":1,"attempt":"00000000-0000-0000-0000-000000000001","run_id":"run","at":"1970-01-01T00:00:00Z","account":[{"path":"/in/a.csv","records":3,"loaded":2,"quarantined":1,"skipped":{"blank":0,"comment":0,"preamble":0,"header":1,"footer":0}}]}"#);
    let withdrawn = format::withdrawal_to_json(1, &withdrawal("why")).unwrap();
    assert_eq!(format::withdrawal_from_json(&withdrawn, "file").unwrap(), withdrawal("why"));
    insta::assert_snapshot!(json(withdrawn), @r#"{"version":1,"batch":1,"run_id":"run","at":"1970-01-01T00:00:00Z","reason":"why"}"#);
    let forgotten = Forgotten { through: 7, run_id: run(), at: AT, files: vec![file(1)] };
    let stored = format::forgotten_to_json(&forgotten, id, &ledger.paths).unwrap();
    assert_eq!(format::forgotten_from_json(&stored, "file").unwrap(), forgotten);
    insta::assert_snapshot!(json(stored), @r#"{"version":1,"id":"00000000-0000-0000-0000-000000000001","through":7,"run_id":"run","at":"1970-01-01T00:00:00Z","files":[{"path":"/in/1.csv","size":1,"tag":"t"}]}"#);
}

#[tokio::test]
async fn a_damaged_newer_or_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let empty = read(&lake, &Stands::default()).await;
    let again = async || Ledger::read(&lake, &target(), &Stands::default()).await;
    for (text, newer) in [
        ("", false),
        ("{\"version\":1}", false),
        ("{\"version\":0}", true),
        (&OLDEST.replace("\"batch\":1", "\"batch\":7"), false),
        (&SECOND.replace("0f9d", "no"), false),
        (&OLDEST.replace("\"version\":1", "\"version\":3"), true),
    ] {
        let path = write(&lake, &empty, Name::Batch(1), text);
        let error = again().await.unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert_eq!(matches!(error, LakeError::NewerLedger { known: 2, .. }), newer, "{error}");
        assert_eq!(error.diagnostic().code, headwater_plan::Code::InvalidLedger);
    }
    write(&lake, &empty, Name::Batch(1), OLDEST);
    let third = write(&lake, &empty, Name::Batch(3), OLDEST);
    let error = again().await.unwrap_err();
    assert!(matches!(&error, LakeError::DamagedLedger { why, .. } if why.contains("batch 2")), "{error}");
    fs::remove_file(third).unwrap();
    let error = Ledger::read(&lake, &target(), &Stands::at(1, 4, None)).await.unwrap_err();
    assert!(matches!(&error, LakeError::DamagedLedger { why, .. } if why.contains("does not say")), "{error}");
}

#[tokio::test]
async fn an_attempt_that_is_gone_or_unknown_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open_at(&folder).await;
    let mut ledger = read(&lake, &Stands::default()).await;
    ledger.write_ahead(&run(), AT, files(&[1])).await.unwrap();
    for stands in [Stands::at(1, 1, None), Stands::at(1, 1, Some(Uuid::from_u128(9)))] {
        let ledger = read(&lake, &stands).await;
        let error = ledger.unfinished_in(&stands).await.unwrap_err();
        assert_eq!(error.diagnostic().code, headwater_plan::Code::InvalidLedger, "{error}");
    }
}
