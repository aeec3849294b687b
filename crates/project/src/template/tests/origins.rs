use super::*;

impl Project {
    /// What of the template the first `needle` of the rendered text comes from, and whether it is written there.
    fn origin(&self, text: &str, needle: &str, nth: usize) -> (String, bool) {
        let rendered = self.text(text);
        let (offset, _) = rendered.match_indices(needle).nth(nth).unwrap();
        let before = &rendered[..offset];
        let place = Place {
            line: 1 + before.matches('\n').count() as u64,
            column: 1 + before.rsplit('\n').next().unwrap().chars().count() as u32,
            length: needle.chars().count() as u32,
        };
        let map = self.templates.map(template(text), &self.world, self.phase, &rendered).unwrap();
        let origin = map.origin(Path::new("models/x.sql"), text, &rendered, place).unwrap();
        let Location { line, column, length, text, .. } = origin.location;
        let written: String = text.unwrap().chars().skip(column as usize - 1).take(length as usize).collect();
        (format!("{line}:{column} {written}"), origin.literal)
    }
}

#[test]
fn places_in_rendered_sql_are_found_in_the_template() {
    let project = project(&[("macros/m.sql", "{% macro cents(c) %}({{ c }} /\n 100){% endmacro %}")]);
    let text = "\
{{ config(materialized='table') }}

{%- set states = ['CA', 'NY'] -%}
select
  {% for state in states -%}
  sum(case when stat = '{{ state }}' then 1 end) as {{ state }}_trips,
  {% endfor -%}
  {{ cents('amont') }} as amount, café as c, {{ \"nope\" }}{{ 'other' }},
  {# total #} last_one
from {{ ref('trips') }}
where {% raw %}raw_column{% endraw %} = 1
";
    assert_eq!(project.origin("select a\nfrom b\n", "b", 0), ("2:6 b".into(), true));
    assert_eq!(project.origin(text, "stat ", 0), ("6:17 stat ".into(), true));
    // The second time around the loop is the same place.
    assert_eq!(project.origin(text, "stat ", 1), ("6:17 stat ".into(), true));
    assert_eq!(project.origin(text, "CA_trips", 0), ("6:53 {{ state }}".into(), false));
    assert_eq!(project.origin(text, "amont", 0), ("8:3 {{ cents('amont') }}".into(), false));
    assert_eq!(project.origin(text, "100", 0), ("8:3 {{ cents('amont') }}".into(), false));
    assert_eq!(project.origin(text, "café", 0), ("8:35 café".into(), true));
    assert_eq!(project.origin(text, "c,", 0), ("8:43 c,".into(), true));
    assert_eq!(project.origin(text, "nope", 0), ("8:46 {{ \"nope\" }}".into(), false));
    assert_eq!(project.origin(text, "last_one", 0), ("9:15 last_one".into(), true));
    assert_eq!(project.origin(text, "`gold`", 0), ("10:6 {{ ref('trips') }}".into(), false));
    assert_eq!(project.origin(text, "raw_column", 0), ("11:16 raw_column".into(), true));
}

#[test]
fn a_template_that_measures_itself_has_no_map() {
    let project = project(&[]);
    let text = "{% set x %}abc{% endset %}select {{ x | length }}, {{ x }}";
    let rendered = project.text(text);
    assert_eq!(rendered, "select 3, abc");
    assert!(project.templates.map(template(text), &project.world, Phase::Compile, &rendered).is_none());
    // Text that is kept and shown later is still found.
    assert_eq!(project.origin("{% set x %}abc{% endset %}select {{ x }}", "abc", 0), ("1:12 abc".into(), true));
}
