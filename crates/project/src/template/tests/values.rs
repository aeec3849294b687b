use super::*;

#[test]
fn lists_change_in_place_and_are_shared() {
    project(&[]).check(&[
        ("{% set xs = [] %}{% do xs.append(1) %}{% do xs.append('a') %}{{ xs }}", "[1, 'a']"),
        ("{% set xs = [1] %}{% set ys = xs %}{% do ys.append(2) %}{{ xs }}", "[1, 2]"),
        (
            "{% set xs = [3, 1, 2] %}{% do xs.sort() %}{{ xs }}{% do xs.sort(reverse=true) %}{{ xs }}",
            "[1, 2, 3][3, 2, 1]",
        ),
        ("{% set xs = [1] %}{% do xs.extend([2, 3]) %}{% do xs.insert(0, 9) %}{{ xs }}", "[9, 1, 2, 3]"),
        ("{% set xs = [1, 2, 3] %}{{ xs.pop() }}{{ xs.pop(0) }}{{ xs }}{% do xs.remove(2) %}{{ xs }}", "31[2][]"),
        ("{% set xs = [1, 2, 1] %}{{ xs.index(2) }}{{ xs.count(1) }}{{ xs[-1] }}{{ xs[1:] }}", "121[2, 1]"),
        ("{% set xs = [1, 2] %}{% set ys = xs.copy() %}{% do ys.clear() %}{{ xs }}{{ ys }}", "[1, 2][]"),
        ("{% set xs = [1] + [2] %}{% do xs.append(3) %}{{ xs }}", "[1, 2, 3]"),
        ("{% set xs = [1] %}{% set ys = xs + [2] %}{% do xs.append(3) %}{{ ys }}", "[1, 2]"),
        ("{% set xs = [1, 2, 3] %}{% set ys = xs[1:] %}{% do ys.append(4) %}{{ ys }}{{ xs }}", "[2, 3, 4][1, 2, 3]"),
        ("{% set xs = ['b', 'a'] | sort | list %}{% do xs.append('c') %}{{ xs }}", "['a', 'b', 'c']"),
        ("{% set xs = ['A'] | map('lower') | list %}{% do xs.append('c') %}{{ xs }}", "['a', 'c']"),
        ("{% set xs = 'a,b'.split(',') %}{% do xs.append('c') %}{{ xs | join('|') }}", "a|b|c"),
        (
            "{% set xs = var('states') %}{% do xs.append('TX') %}{{ xs }}{{ var('states') }}",
            "['CA', 'NY', 'TX']['CA', 'NY']",
        ),
        ("{% set xs = [] %}{% do xs.append(1) if true else xs.append(2) %}{{ xs }}", "[1]"),
        ("{% set xs = [[1], [2]] %}{% do xs[0].append(3) %}{{ xs }}", "[[1, 3], [2]]"),
        ("{% set xs = [] %}{% do xs.append(xs) %}{{ 'ok' if xs }}", "ok"),
        (
            "{% set xs = [1, 2] %}{{ 2 in xs }} {{ 3 not in xs }} {{ [1, 2] == xs }} {{ xs != [1] }}",
            "True True True True",
        ),
        ("{% for x in [1, 2] if x > 1 %}{{ x }}{{ loop.last }}{% endfor %}", "2True"),
        (
            "{% set xs = [] %}{{ xs is iterable }} {{ xs is sequence }} {{ xs is string }} {{ xs | length }}",
            "True True False 0",
        ),
    ]);
}

#[test]
fn maps_change_in_place_and_are_shared() {
    project(&[]).check(&[
        ("{% set d = {'a': 1} %}{% do d.update({'b': [2]}) %}{{ d }}", "{'a': 1, 'b': [2]}"),
        ("{% set d = {} %}{% do d.update(a=1) %}{{ d.a }}{{ d['a'] }}{{ d.get('b', 'x') }}{{ d.get('b') }}", "11xNone"),
        (
            "{% set d = {'a': 1} %}{{ d.setdefault('a', 2) }}{{ d.setdefault('b', 3) }}{{ d.pop('a') }}{{ d }}",
            "131{'b': 3}",
        ),
        ("{% set d = {'a': []} %}{% do d['a'].append(1) %}{{ d }}", "{'a': [1]}"),
        ("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;"),
        ("{% set d = {'a': 1, 2: 'b'} %}{{ d.keys() | list }}{{ d.values() }}{{ d[2] }}", "['a', 2][1, 'b']b"),
        (
            "{% set d = dict(a=1) %}{% do d.update({'b': 2}) %}{{ d }} {{ 'a' in d }} {{ d is mapping }}",
            "{'a': 1, 'b': 2} True True",
        ),
        ("{% set d = {'a': {'b': {'c': 1}}} %}{{ d.a.b.c }}{% do d.a.b.update({'c': 2}) %}{{ d.a.b.c }}", "12"),
        (
            "{{ {'a': 1}['a'] }}{{ {'a': 1}.get('a') }}{{ {} }}{{ {'x': none, 'y': true} }}",
            "11{}{'x': None, 'y': True}",
        ),
        ("{% set r = ref('users') %}{% set d = {} %}{% do d.update({r: [1]}) %}{{ d[ref('users')] }}", "[1]"),
        ("{% set d = {'a': 1} %}{% set e = d.copy() %}{% do e.clear() %}{{ d }}{{ e }}", "{'a': 1}{}"),
    ]);
}

#[test]
fn sets_are_pythons() {
    project(&[]).check(&[
        ("{{ set([1, 2, 1]) | length }} {{ set(['b', 'a']) == set(['a', 'b']) }} {{ set([1]) != set([2]) }}", "2 True True"),
        ("{% set s = set([1]) %}{% do s.add(2) %}{% do s.update([3]) %}{{ s }} {{ 3 in s }}", "{1, 2, 3} True"),
        ("{{ set([1, 2]).difference([2]) | list }}{{ set([1]).union([2]) | list }}{{ set([1, 2]).intersection([2]) | list }}", "[1][1, 2][2]"),
        ("{{ set(5, 'none') }}{{ set() }}", "noneset()"),
    ]);
}

#[test]
fn texts_have_pythons_methods() {
    project(&[]).check(&[
        ("{{ 'a b'.split() }}{{ 'a-b-c'.split('-', 1) }}{{ 'a-b-c'.rsplit('-', 1) }}", "['a', 'b']['a', 'b-c']['a-b', 'c']"),
        ("{{ '  x '.strip() }}{{ 'xxa'.lstrip('x') }}{{ 'axx'.rstrip('x') }}{{ 'a'.upper() }}{{ 'ab'.title() }}", "xaaAAb"),
        ("{{ 'abc'.startswith('a') }}{{ 'abc'.endswith('b') }}{{ 'abc'.find('c') }}{{ 'abc'.replace('b', 'x') }}", "TrueFalse2axc"),
        ("{{ ', '.join(['a', 'b']) }}{{ ','.join([1, none]) }}", "a, b1,None"),
        ("{{ '7'.zfill(3) }}{{ '-7'.zfill(3) }}|{{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '.') }}|{{ 'ab'.center(5) }}|", "007-07|a  |..a|  ab |"),
        ("{{ '12'.isdigit() }}{{ 'a\nb'.splitlines() }}{{ 'aXb'.swapcase() }}{{ 'prefix_x'.removeprefix('prefix_') }}", "True['a', 'b']AxBx"),
        ("{{ '{} and {}'.format('a', 1) }}{{ '{x:>3}'.format(x=1) }}{{ '{0}{0}'.format('b') }}", "a and 1  1bb"),
        ("{{ 'a.b'.partition('.') }}{{ 'abc'[0] }}{{ 'abc'[-1] }}{{ 'abc'[1:] }}{{ 'abc' | length }}", "('a', '.', 'b')acbc3"),
    ]);
}

#[test]
fn percent_formats_texts_and_divides_numbers() {
    project(&[]).check(&[
        ("{{ '%s is %d' % ('x', 3) }}", "x is 3"),
        ("{{ '%s' % 'x' }}{{ '%05.1f' % 3.14159 }}{{ '100%%' % () }}", "x003.1100%"),
        ("{{ '%(a)s-%(b)s' % {'a': 1, 'b': 2} }}", "1-2"),
        ("{{ 7 % 3 }}{{ -7 % 3 }}{{ 2 * 7 % 4 }}{{ 1 + 7 % 4 * 2 }}{{ 7.5 % 2 }}", "12271.5"),
        ("{{ 'a' ~ '%s' % 'b' ~ 'c' }}{{ '%s' % ('a' if false else 'b') }}", "abcb"),
        ("{% if 6 % 4 == 2 and 5 % 2 not in [0] %}yes{% endif %}", "yes"),
        ("{{ '%s-%s' % ('x' | upper, [1][0] + 1) }}", "X-2"),
        ("{{ '%s' % x if false else 'y' }}{{ 9 % 5 % 3 }}{{ 2 ** 3 % 5 }}{{ -(7 % 4) }}", "y13-3"),
    ]);
}

#[test]
fn values_print_as_python_prints_them() {
    project(&[]).check(&[
        ("{{ true }} {{ none }} {{ 1.0 }} {{ 1 / 2 }} {{ 4 // 3 }} {{ 'it' }}", "True None 1.0 0.5 1 it"),
        (r#"{{ ["it's", 'a"b', 'x\n'] }}"#, r#"["it's", 'a"b', 'x\n']"#),
        ("{{ (1, 'a') }}{{ [(1,)] }}{{ [none, true, 1.5] }}", "(1, 'a')[(1,)][None, True, 1.5]"),
        ("{{ {'r': ref('users')} }}", "{'r': `silver`.`users`}"),
        ("{{ 'x' ~ true ~ none ~ 1 }}", "xTrueNone1"),
        ("{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }}", "True False"),
    ]);
}

#[test]
fn filters_and_tests_are_jinjas() {
    project(&[]).check(&[
        ("{{ 'abc' | length }}{{ 'abcdef' | truncate(length=4, end='.', leeway=0) }}{{ 'a' | indent }}", "3abc.a"),
        ("{% set j = joiner(', ') %}{% for x in [1, 2] %}{{ j() }}{{ x }}{% endfor %}", "1, 2"),
        ("{{ ref is callable }}{{ 'x' is callable }}{{ 3 is odd }}{{ [] is not none }}{{ x is undefined }}", "TrueFalseTrueTrueTrue"),
        ("{{ [3, 1] | max }}{{ [{'a': 2}, {'a': 1}] | sum(attribute='a') }}{{ [1, none] | select | list }}", "33[1]"),
        ("{{ [{'a': 1, 'b': 2}] | map(attribute='a') | first }}{{ ['a', 'b'] | reject('equalto', 'a') | join }}", "1b"),
        ("{% for k, items in [{'t': 1}, {'t': 2}] | groupby('t') %}{{ k }}:{{ items | length }} {% endfor %}", "1:1 2:1 "),
        ("{{ {'b': 1, 'a': 2} | dictsort }}{{ 'x' | default('y') }}{{ none | default('y', true) }}{{ z | default('y') }}", "[('a', 2), ('b', 1)]xyy"),
        ("{{ ' a\n' | trim }}{{ 'a,b' | replace(',', ';') }}{{ 3.7 | int }}{{ '4' | int + 1 }}{{ 2.5 | round }}{{ [1, 1] | unique | list }}", "aa;b352.0[1]"),
    ]);
}

#[test]
fn json_and_yaml_are_read_and_written() {
    project(&[]).check(&[
        (r#"{{ fromjson('{"a": [1, 2]}').a[1] }}{{ fromjson('nope', 'x') }}"#, "2x"),
        (r#"{{ tojson({'b': [1, none, true], 'a': 'é'}) }}"#, r#"{"b": [1, null, true], "a": "\u00e9"}"#),
        (r#"{{ tojson({'b': 1, 'a': 2}, sort_keys=true) }}"#, r#"{"a": 2, "b": 1}"#),
        ("{% set y = fromyaml('a: [1, x]\nb: yes') %}{{ y.a[1] }}{{ y.b }}", "xyes"),
        (
            "{{ toyaml({'a': [1, {'b': 'x: y', 'c': 2}], 'd': {}, 'e': 'true'}) }}",
            "a:\n- 1\n- b: 'x: y'\n  c: 2\nd: {}\ne: 'true'\n",
        ),
        ("{{ local_md5('hello') }}", "5d41402abc4b2a76b9719d911017c592"),
        ("{{ zip([1, 2], ['a', 'b']) | list }}{{ zip(1, [2]) }}", "[(1, 'a'), (2, 'b')]None"),
        ("{{ '5' | as_number + 1 }}{{ 'true' | as_bool }}{{ '[1]' | as_native }}{{ 5 | as_text }}", "6True[1]5"),
    ]);
}
