use std::time::{Duration, Instant};

use super::*;

/// How long one of these takes.
fn each(text: impl Fn(u32) -> String, project: &Project) -> Duration {
    const MODELS: u32 = 2000;
    let texts: Vec<String> = (0..MODELS).map(text).collect();
    let begin = Instant::now();
    for text in &texts {
        project.rendered(text).unwrap();
    }
    begin.elapsed() / MODELS
}

/// No measurement, but a guard: 10,000 models must render in a fraction of a second. `--nocapture` shows the figures.
#[test]
fn a_models_rendering_takes_microseconds() {
    let project = project(&[]);
    let refs = "{{ config(materialized='table') }}\nselect a.* from {{ ref('users') }} a join {{ ref('trips') }} b using (user_id)";
    let new = each(|number| format!("{refs} where {number} = 1"), &project);
    let known = each(|_| refs.to_string(), &project);
    let with_macro = each(|_| "select {{ dbt.type_string() }} from {{ ref('users') }}".to_string(), &project);
    println!("{new:?} for a new model, {known:?} for a known one, {with_macro:?} with a dispatched macro");
    assert!(new.max(known).max(with_macro) < Duration::from_millis(20));
}
