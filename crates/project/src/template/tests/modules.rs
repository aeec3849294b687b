use super::*;

#[test]
fn days_and_instants_are_pythons() {
    project(&[]).check(&[
        (
            "{{ modules.datetime.datetime(2024, 1, 31, 5).strftime('%Y/%m/%d %H:%M:%S.%f') }}",
            "2024/01/31 05:00:00.000000",
        ),
        ("{{ modules.datetime.datetime.strptime('2024-03-01', '%Y-%m-%d').isoformat() }}", "2024-03-01T00:00:00"),
        ("{{ modules.datetime.datetime.now().year }}{{ modules.datetime.date.today() }}", "19701970-01-01"),
        ("{% set d = modules.datetime.date(2024, 3, 1) %}{{ d - modules.datetime.timedelta(days=1) }}", "2024-02-29"),
        (
            "{% set d = modules.datetime.datetime(2024, 3, 1) + modules.datetime.timedelta(hours=25) %}{{ d }}",
            "2024-03-02 01:00:00",
        ),
        ("{{ (modules.datetime.date(2024, 3, 1) - modules.datetime.date(2024, 2, 1)).days + 1 }}{# timedelta #}", "30"),
        ("{{ modules.datetime.date(2024, 1, 1) < modules.datetime.date(2024, 1, 2) }}", "True"),
        ("{{ modules.datetime.timedelta(days=1, hours=2).total_seconds() }}", "93600.0"),
        ("{{ 1 + 2 - 4 }}{{ 'a' + 'b' }}{{ [1] + [2] }}{{ 3 * 2 - 1 + 7 % 4 }}{# timedelta #}", "-1ab[1, 2]8"),
        (
            "{{ run_started_at.astimezone(modules.pytz.timezone('America/New_York')).isoformat() }}",
            "1969-12-31T19:00:00-05:00",
        ),
        ("{{ modules.datetime.datetime(2024, 1, 31).replace(day=1).date().weekday() }}", "0"),
    ]);
}

#[test]
fn regular_expressions_are_pythons() {
    project(&[]).check(&[
        (r"{{ modules.re.sub('[ -]+', '_', 'a - b') }}{{ modules.re.sub('(\\w)(\\d)', '\\2\\g<1>', 'a1') }}", "a_b1a"),
        (r"{{ modules.re.match('a(b)', 'abc').group(1) }}{{ modules.re.match('b', 'abc') }}", "bNone"),
        (
            r"{{ modules.re.search('(?P<x>b+)', 'abbc').group('x') }}{{ modules.re.findall('[a-z]', 'a1b') }}",
            "bb['a', 'b']",
        ),
        (
            r"{% set p = modules.re.compile('A', modules.re.IGNORECASE) %}{{ p.sub('x', 'aA') }}{{ p.search('b') }}",
            "xxNone",
        ),
        (r"{{ modules.re.sub('a{2}b{', 'x', 'aab{') }}", "x"),
        (r"{{ modules.re.split(',\\s*', 'a, b') }}{{ modules.re.fullmatch('a+', 'aab') is none }}", "['a', 'b']True"),
    ]);
    insta::assert_snapshot!(project(&[]).told("{{ modules.re.search('(?<!a)b', 'b') }}"));
}

#[test]
fn iterators_are_pythons() {
    project(&[]).check(&[
        ("{{ modules.itertools.product([1, 2], ['a']) | list }}", "[(1, 'a'), (2, 'a')]"),
        ("{{ modules.itertools.combinations([1, 2, 3], 2) | list }}", "[(1, 2), (1, 3), (2, 3)]"),
        ("{{ modules.itertools.permutations([1, 2]) | list }}", "[(1, 2), (2, 1)]"),
        (
            "{{ modules.itertools.chain([1], [2]) | list }}{{ modules.itertools.accumulate([1, 2, 3]) | list }}",
            "[1, 2][1, 3, 6]",
        ),
        ("{% for a, b in modules.itertools.product([1], [2]) %}{{ a }}{{ b }}{% endfor %}", "12"),
    ]);
}
