//! Contracts that are proposed for files.

use headwater_plan::JsonOptions;

use super::*;

/// What is proposed, as a person would read it, for files of these names.
fn proposed(contents: &[(&str, &[u8])]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let listed: Vec<SourceFile> = contents
        .iter()
        .map(|(name, content)| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
            source_file(&path)
        })
        .collect();
    let inferred = infer(listed.clone(), None, &Stores::local()).unwrap();
    let mut text = match &inferred.format {
        FileFormat::Csv(csv) => format!("csv{}\n", changed(csv, &CsvOptions::default())),
        FileFormat::Json(json) => format!("json{}\n", changed(json, &JsonOptions::default())),
        other => format!("{}\n", other.word()),
    };
    for column in &inferred.contract.columns {
        let plain = ContractColumn::new(&column.name, column.data_type.clone(), column.location.clone());
        text += &format!("  {} {}{}\n", column.name, column.data_type, changed(column, &plain));
    }
    for note in &inferred.notes {
        text += &format!(
            "  note: {}{}\n",
            note.column.as_ref().map(|name| format!("`{name}` ")).unwrap_or_default(),
            note.text
        );
    }
    if inferred.on_schema_change != OnSchemaChange::Fail {
        text += &format!("  on_schema_change: {:?}\n", inferred.on_schema_change);
    }
    // What is proposed loads what it was proposed for.
    let options = LoadOptions {
        format: inferred.format,
        contract: inferred.contract,
        on_schema_change: inferred.on_schema_change,
        root: Some(folder.path().to_str().unwrap().to_owned()),
        ..options(&[])
    };
    match load_files(listed, options) {
        Ok(load) => {
            let loaded = drain(&load).unwrap();
            text += &format!("  loads {} of {} records\n", loaded.rows.len(), loaded.records);
        }
        Err(error) => text += &format!("  {error}\n"),
    }
    text.replace(&format!("{}/", folder.path().display()), "")
}

/// The keys that are not as another value has them.
fn changed<T: serde::Serialize>(value: &T, other: &T) -> String {
    let (value, other) = (serde_json::to_value(value).unwrap(), serde_json::to_value(other).unwrap());
    let keys = value.as_object().unwrap().iter().filter(|(key, value)| other[key.as_str()] != **value);
    keys.map(|(key, value)| format!(" {key}={value}")).collect()
}

/// One file, with this header and as many rows.
fn rows(header: &str, count: usize, row: impl Fn(usize) -> String) -> Vec<u8> {
    let rows: Vec<String> = (0..count).map(row).collect();
    format!("{header}\n{}\n", rows.join("\n")).into_bytes()
}

fn one(content: &[u8]) -> String {
    proposed(&[("file", content)])
}

#[test]
fn comma_separated_values() {
    let rentals = rows("Rental ID,CustomerName,start-time,EndDate,Total (EUR),km,zip,paid,note", 40, |n| {
        format!(
            "{n},Name {n},2024-05-{:02} 10:00:00,2024-05-{:02},{}.5,{},0{n:04},{},",
            n % 28 + 1,
            n % 28 + 1,
            n * 3,
            n * 100,
            n % 2 == 0
        )
    });
    let text = [
        one(&rentals),
        one(&rows("a,b", 20, |n| format!("\"x, {n}\",\"say \"\"hi\"\"\""))),
        one(b"id,name\n"),
        one(b""),
        one(&rows("id,amount,lat", 12, |n| format!("9{n}12345678,{n}.123,{n}.123456"))),
    ];
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn other_dialects() {
    let text = [
        one(&rows("id;Betrag;Größe;datum", 15, |n| format!("{n};1.{n:03},50;{n},5;{}.03.2024", n + 10))),
        one(&rows("id\tname", 10, |n| format!("{n}\tx {n}"))),
        one(&rows("id|name|day", 10, |n| format!("{n}|'a|b'|{}/3/2024", n % 9 + 20))),
        one(&rows("id||name", 10, |n| format!("{n}||x|{n}"))),
        one(&rows("id, name, city", 10, |n| format!("{n}, x, Rome {n}"))),
        one(&rows("id,name", 10, |n| format!("{n},\"5\\\" pipe, {n}\""))),
        one(&rows("1,x,2024-01-01", 10, |n| format!("{n},y,2024-01-02"))),
        one(b"Report of May\nmade by x\n\nid,name,km\n1,a,5\n2,b,6\n3,c,7\n4,d,8\nTotal,,26\n"),
        one(b"# made by x\nid,name\n1,a\n# half\n2,b\n"),
        one("id,stra\u{df}e\n1,M\u{fc}nchen\n2,K\u{f6}ln\n".chars().map(|c| c as u8).collect::<Vec<u8>>().as_slice()),
        one(&"id,name\n1,ä\n2,ö\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        one(b"id,name,name,\n1,a,b,c\n2,d,e,f\n"),
        one(b"id,name,\n1,a,\n2,d,\n"),
    ];
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn values_and_nulls() {
    let text = [
        one(&rows("id,n,d,s,x", 12, |n| {
            format!(
                "{n},{},{},{},{}",
                if n == 3 { "NA" } else { "5" },
                if n == 4 { "N/A" } else { "2024-01-01" },
                if n == 5 { "NULL" } else { "a" },
                if n == 6 { "NULL" } else { "" }
            )
        })),
        one(&rows("when,other,mixed", 12, |n| {
            format!(
                "0{}/0{}/2024,{}.12.2024,{}",
                n % 9 + 1,
                n % 7 + 1,
                n % 9 + 10,
                if n % 2 == 0 { "2024-01-02".into() } else { format!("{}.01.2024", n + 10) }
            )
        })),
        one(&rows("at;day;us", 12, |n| {
            format!("{}.12.2024 10:0{}:00;202401{:02};1/{}/2024 1:05 PM", n + 10, n % 9, n + 10, n + 12)
        })),
        one(&rows("yes;flag;sci;big;plus", 12, |n| {
            format!("{};{};1e{n};1234567890123456789{n};+49{n}", if n % 2 == 0 { "yes" } else { "no" }, n % 2)
        })),
        one(&rows("a;b;c", 12, |n| format!("1,{:03};\"1,234.5{}\";\" {n} \"", n + 100, n % 10))),
    ];
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn json_and_files_that_say_their_columns() {
    let json = b"{\"id\": 1, \"User Name\": \"Ada\", \"zip\": \"01234\", \"at\": \"2024-01-01T10:00:00Z\", \"price\": 1.5, \"ok\": true, \"tags\": [\"a\"], \"place\": {\"x\": 1, \"y\": null, \"z\": {\"w\": 1.5}}, \"mixed\": 1}\n\
        {\"id\": 2, \"User Name\": null, \"zip\": \"99999\", \"at\": \"2024-01-02\", \"price\": 2, \"ok\": false, \"tags\": [], \"place\": null, \"mixed\": \"x\", \"empty\": null}\nno\n";
    let text = [
        one(json),
        proposed(&[("a.json", b"[{\"a\": 1},\n {\"a\": 2, \"b\": [{\"c\": 1}]}]")]),
        proposed(&[("a.csv", b"{\"id\"};x\n1;2\n")]),
        proposed(&[("day=2024-01-01/x=1/a.csv", b"id\n1\n"), ("day=2024-01-02/x=1/b.csv", b"id\n2\n")]),
        proposed(&[("a.csv", b"id,a\n1,2\n"), ("b.csv", b"a,id,b\n1,2,x\n"), ("c.csv", b"")]),
    ];
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_sample_of_many_files() {
    let contents: Vec<(String, Vec<u8>)> =
        (0..40).map(|n| (format!("{n:02}.csv"), format!("id\n{n}\n").into_bytes())).collect();
    let contents: Vec<(&str, &[u8])> =
        contents.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    let text = proposed(&contents);
    assert!(text.contains("16 of 40 files were looked into"), "{text}");
    assert!(text.ends_with("loads 40 of 40 records\n"), "{text}");
}
