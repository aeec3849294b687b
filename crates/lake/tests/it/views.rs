//! Views, and names that change from table to view and back.

use std::fs;

use headwater_lake::{LakeError, Relation, RelationKind, View, WriteMode};
use headwater_plan::TableName;

use crate::fixture::{Fixture, built, name, names_in, options, schema, write};

fn view(fingerprint: &str) -> View {
    View {
        name: name(),
        sql: "select 1 as id, 'x' as name".to_string(),
        schema: schema(),
        reads: vec![TableName::new("bronze", "raw")],
        built: built(fingerprint),
    }
}

async fn kind(fixture: &Fixture) -> Option<RelationKind> {
    fixture.lake.relation(&name()).await.unwrap().map(|relation| match relation {
        Relation::Table(_) => RelationKind::Table,
        Relation::View(_) => RelationKind::View,
    })
}

#[tokio::test]
async fn a_view_is_kept_and_replaced() {
    let fixture = Fixture::new().await;
    let version = fixture.lake.replace_view(view("one")).await.unwrap();
    assert_eq!((version.id.as_str(), version.version), ("one", 0));
    let Some(Relation::View(found)) = fixture.lake.relation(&name()).await.unwrap() else { panic!("no view") };
    assert_eq!(found, view("one"));
    fixture.lake.replace_view(view("two")).await.unwrap();
    assert_eq!(fixture.lake.relation(&name()).await.unwrap().unwrap().version().id, "two");
    let listed = fixture.lake.relations().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].kind, listed[0].columns, listed[0].rows), (RelationKind::View, 2, None));
    assert_eq!(fixture.lake.history(&name()).await.unwrap(), []);
}

#[tokio::test]
async fn a_name_changes_from_table_to_view_and_back() {
    let fixture = Fixture::new().await;
    let first = fixture.write(WriteMode::Append, &[1]).await.version;
    fixture.lake.replace_view(view("v")).await.unwrap();
    assert_eq!(kind(&fixture).await, Some(RelationKind::View));
    assert!(!fixture.table_folder().exists());
    let again = fixture.write(WriteMode::Replace, &[2]).await.version;
    assert_eq!(kind(&fixture).await, Some(RelationKind::Table));
    assert_ne!(again.id, first.id, "it is another table");
    assert_eq!(fixture.ids().await, [2]);
    assert_eq!(fixture.lake.relations().await.unwrap().len(), 1);
}

#[tokio::test]
async fn rows_cannot_be_added_to_a_view() {
    let fixture = Fixture::new().await;
    fixture.lake.replace_view(view("v")).await.unwrap();
    let error = fixture.lake.begin_write(options(WriteMode::Append, None)).await.unwrap_err();
    assert!(matches!(error, LakeError::IsAView { .. }), "{error}");
}

#[tokio::test]
async fn a_death_between_commit_and_switch_is_made_good() {
    let fixture = Fixture::new().await;
    fixture.lake.replace_view(view("v")).await.unwrap();
    let file = fixture.root().join("_headwater/views/gold/things.json");
    let kept = fs::read(&file).unwrap();
    let begin = async || fixture.lake.begin_write(options(WriteMode::Replace, Some(1))).await.unwrap();
    write(begin().await, &[1]).await.unwrap();
    // As if the process had died before it removed the view.
    fs::write(&file, kept).unwrap();
    assert_eq!(kind(&fixture).await, Some(RelationKind::View), "the old state is still there, whole");
    assert_eq!(fixture.lake.relations().await.unwrap().len(), 1);
    assert!(write(begin().await, &[1]).await.unwrap().already);
    assert_eq!(kind(&fixture).await, Some(RelationKind::Table));
    assert_eq!(fixture.ids().await, [1]);
}

#[tokio::test]
async fn a_table_by_another_engine_is_not_dropped_for_a_view() {
    let fixture = Fixture::new().await;
    fixture.write(WriteMode::Append, &[1]).await;
    let log = fixture.table_folder().join("_delta_log/00000000000000000000.json");
    let foreign = fs::read_to_string(&log).unwrap().replace("\"headwater\":", "\"other\":");
    fs::write(&log, foreign).unwrap();
    let error = fixture.lake.replace_view(view("v")).await.unwrap_err();
    assert!(matches!(error, LakeError::ForeignTable { .. }), "{error}");
    assert_eq!(fixture.ids().await, [1]);
    assert_eq!(names_in(&fixture.root()), ["gold"]);
}

/// Never change this text: it is what the first Headwater wrote.
#[tokio::test]
async fn the_oldest_view_file_is_read_and_a_damaged_one_named() {
    let fixture = Fixture::new().await;
    let file = fixture.root().join("_headwater/views/gold/things.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let oldest = r#"{"version":"1","name":"gold.things","sql":"select 1 as id, 'x' as name","schema":[{"name":"id","data_type":"long","nullable":true},{"name":"name","data_type":"string","nullable":true}],"reads":["bronze.raw"],"built":{"fingerprint":"one","inputs":{}}}"#;
    fs::write(&file, oldest).unwrap();
    let Some(Relation::View(found)) = fixture.lake.relation(&name()).await.unwrap() else { panic!("no view") };
    assert_eq!(found, view("one"));
    for text in ["{", &oldest.replace("\"version\":\"1\"", "\"version\":\"2\"")] {
        fs::write(&file, text).unwrap();
        let error = fixture.lake.relation(&name()).await.unwrap_err();
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
}
