//! What a check with something kept finds is what a check without finds, whatever was changed before.

mod project;

use std::sync::Arc;

use headwater_plan::NodeKind;
use proptest::prelude::*;

use self::project::{Edit, FILES, Project};
use super::recorded::Nowhere;
use super::{Checked, Keep, Key, again, check, whole};
use crate::compile::compile;
use crate::world::Outside;

fn nowhere() -> Arc<dyn Outside> {
    Arc::new(Nowhere)
}

fn keep(project: &Project) -> Keep {
    Keep { folder: project.path().join(".headwater/checked"), program: "this".into() }
}

/// The check as it is without anything kept.
fn fresh(project: &Project) -> Checked {
    check(&project.request(), &nowhere(), None)
}

/// The check with what is kept, which says the same; whether anything that was kept helped.
fn kept(project: &Project) -> (Checked, bool) {
    let request = project.request();
    let key = Key::new(&request, &keep(project));
    match again(&request, &nowhere(), &key) {
        Some(checked) => (checked, true),
        None => (whole(&request, &nowhere(), Some(&key)), false),
    }
}

/// A file by its path, and the number of a text of it.
fn text(path: &str, number: usize) -> Edit {
    Edit::Text(FILES.iter().position(|(known, _)| *known == path).unwrap(), number)
}

#[test]
fn the_project_is_sound_and_counted_as_its_plan() {
    for dbt in [false, true] {
        let project = Project::new(dbt, false);
        let checked = fresh(&project);
        assert!(!checked.diagnostics.has_errors(), "{:#?}", checked.diagnostics);
        let compiled = compile(&project.request(), &nowhere());
        assert_eq!(checked.diagnostics, compiled.diagnostics);
        let plan = compiled.plan.unwrap();
        for (kind, count) in checked.nodes {
            let of_kind = plan.nodes.values().filter(|node| node.kind == kind).count() as u64;
            assert_eq!(of_kind, count, "{kind:?}");
        }
        assert!(plan.nodes.values().any(|node| node.kind == NodeKind::Test));
    }
}

/// Each change of the sound project, and whether what was kept helps to check it.
#[test]
fn what_is_kept_helps_where_it_can() {
    let mut told = String::new();
    for (file, (path, texts)) in FILES.iter().enumerate() {
        for number in 0..texts.len() {
            let mut project = Project::new(false, number % 2 == 0);
            kept(&project);
            project.edit(&Edit::Text(file, number));
            let (checked, helped) = kept(&project);
            assert_eq!(checked, fresh(&project), "{path} {number}");
            let how = if helped { "partly" } else { "wholly" };
            let found = checked.diagnostics.0.len();
            told.push_str(&format!("{path} {number}: {how}, {found} told\n"));
            project.edit(&Edit::Text(file, 0));
            let (mended, _) = kept(&project);
            assert_eq!(mended, fresh(&project), "{path} {number} mended");
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn nothing_changed_is_nothing_done() {
    for settled in [false, true] {
        let project = Project::new(false, settled);
        assert_eq!(kept(&project), (fresh(&project), false));
        assert_eq!(kept(&project), (fresh(&project), true));
    }
}

#[test]
fn what_is_kept_is_read_again_while_a_file_may_still_change_unseen() {
    let mut project = Project::new(false, false);
    kept(&project);
    // Of the same size, so that only its content tells.
    project.edit(&text("models/gold/growing.sql", 2));
    kept(&project);
    let path = project.path().join("models/gold/growing.sql");
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, "select id, amount, ta from {{ ref('orders') }}\n").unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    let (checked, _) = kept(&project);
    assert!(checked.diagnostics.has_errors());
    assert_eq!(checked, fresh(&project));
}

#[test]
fn a_file_of_another_program_or_a_broken_one_is_as_good_as_none() {
    let project = Project::new(false, false);
    kept(&project);
    let request = project.request();
    let other = Keep { program: "other".into(), ..keep(&project) };
    assert!(again(&request, &nowhere(), &Key::new(&request, &other)).is_none());
    let folder = keep(&project).folder;
    let path = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&path).unwrap();
    for wrong in [&whole[..whole.len() / 2], &whole[..5], b"", b"nothing of the kind"] {
        std::fs::write(&path, wrong).unwrap();
        assert_eq!(kept(&project), (fresh(&project), false));
        assert_eq!(kept(&project), (fresh(&project), true));
    }
    for place in (40..whole.len()).step_by(whole.len() / 40) {
        let mut wrong = whole.clone();
        wrong[place] ^= 0x55;
        std::fs::write(&path, wrong).unwrap();
        assert_eq!(kept(&project).0, fresh(&project));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    assert_eq!(kept(&project), (fresh(&project), false));
}

#[test]
fn what_is_asked_of_the_hour_or_the_rows_is_not_kept() {
    let mut project = Project::new(false, false);
    project.edit(&text("models/silver/customers.sql", 0));
    let path = project.path().join("models/gold/more.sql");
    std::fs::write(&path, "select '{{ run_started_at }}' as at from {{ ref('orders') }}").unwrap();
    assert_eq!(kept(&project), (fresh(&project), false));
    assert_eq!(kept(&project), (fresh(&project), false));
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        8 => (0..FILES.len(), 0..16usize).prop_map(|(file, text)| Edit::Text(file, text)),
        // Back to what is sound: else most of a long history is one broken project.
        8 => (0..FILES.len()).prop_map(|file| Edit::Text(file, 0)),
        1 => (0..FILES.len()).prop_map(Edit::Touch),
        1 => (0..3u8).prop_map(Edit::Var),
        1 => (0..3u8).prop_map(Edit::Variable),
        1 => Just(Edit::Nothing),
    ];
    prop::collection::vec(edit, 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_kept_check_finds_what_a_fresh_one_finds(edits in edits(), dbt: bool, settled: bool) {
        let mut project = Project::new(dbt, settled);
        kept(&project);
        for edit in &edits {
            project.edit(edit);
            let (checked, helped) = kept(&project);
            prop_assert_eq!(checked, fresh(&project), "after {:?}, partly: {}", edit, helped);
        }
    }
}
