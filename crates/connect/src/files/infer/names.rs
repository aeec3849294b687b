//! Names of files to names of tables: lower case, words joined by `_`, each once.

use crate::files::contract::is_reserved;

/// The names that are given already.
#[derive(Debug, Default)]
pub(super) struct Taken(Vec<String>);

impl Taken {
    /// The name in the table of a column that a file calls so.
    pub(super) fn name(&mut self, written: &str) -> String {
        let mut clean = snake(written);
        if clean.is_empty() {
            clean = format!("column_{}", self.0.len() + 1);
        }
        if is_reserved(&clean) {
            clean = format!("source{clean}");
        }
        if clean.starts_with(|letter: char| letter.is_ascii_digit()) {
            clean = format!("_{clean}");
        }
        let mut name = clean.clone();
        let mut number = 2;
        while self.0.contains(&name) {
            name = format!("{clean}_{number}");
            number += 1;
        }
        self.0.push(name.clone());
        name
    }
}

/// `Rental ID` and `RentalID` to `rental_id`; what is no letter or digit joins words.
fn snake(written: &str) -> String {
    // A name that is one already, or nearly, keeps its underscores.
    let letters: Vec<char> = written.trim().chars().collect();
    let mut name = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            let leading = *letter == '_' && name.is_empty();
            if leading || !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            continue;
        }
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1);
        // A word begins at a capital behind a small letter, and at the last of several before one.
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if begins && !name.ends_with('_') {
            name.push('_');
        }
        match folded(*letter) {
            Some(folded) => name.push_str(folded),
            None => name.extend(letter.to_lowercase()),
        }
    }
    name.trim_end_matches('_').to_owned()
}

/// Letters with marks, as they are written without.
fn folded(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ä' | 'Ä' | 'æ' | 'Æ' => "ae",
        'ö' | 'Ö' | 'ø' | 'Ø' | 'œ' | 'Œ' => "oe",
        'ü' | 'Ü' => "ue",
        'ß' => "ss",
        'à' | 'á' | 'â' | 'ã' | 'À' | 'Á' | 'Â' | 'Ã' => "a",
        'å' | 'Å' => "aa",
        'ç' | 'Ç' | 'č' | 'Č' | 'ć' | 'Ć' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' | 'ě' | 'ę' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'Ì' | 'Í' | 'Î' | 'Ï' => "i",
        'ł' | 'Ł' => "l",
        'ñ' | 'Ñ' | 'ń' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'Ò' | 'Ó' | 'Ô' | 'Õ' => "o",
        'ř' | 'Ř' => "r",
        'š' | 'Š' | 'ś' | 'Ś' => "s",
        'ù' | 'ú' | 'û' | 'Ù' | 'Ú' | 'Û' | 'ů' => "u",
        'ý' | 'ÿ' | 'Ý' => "y",
        'ž' | 'Ž' | 'ź' | 'ż' => "z",
        _ => return None,
    })
}
