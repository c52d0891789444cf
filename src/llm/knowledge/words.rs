//! Words reduced to what they have in common: lower case, no accents, no endings, no small words. Light enough for
//! several European languages at once; scripts without spaces are cut into pairs of letters.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Small words of English, German, French, Spanish, Italian, Portuguese and Dutch, without accents.
static SMALL: LazyLock<HashSet<&str>> = LazyLock::new(|| SMALL_WORDS.split(' ').collect());
const SMALL_WORDS: &str = " a about am an and any are as at be been but by can could did do does for from get had has have \
how i if in is it its just know like me my need no not of on or our please so some tell than that the their them then \
there these they this to us want was we were what when where which who why will with would you your \
aber als am an auch auf aus bei bin bitte da das dass dein dem den der des die dir du ein eine einem einen einer er es \
euch euer eure fur gibt hab habe haben habt hat ich ihr ihre im ist ja kann kannst konnen man mein meine mich mir mit \
nicht oder sein sich sie sind so um und uns unser von vom wann warum was wie wir wird wo zu zum zur \
au aux avec ce ces cette comment combien dans de des du elle en est et il ils je la le les leur ma mes mon nous ou par \
pas peut peux pour pourquoi qu quand que quel quelle quelles quels qui sa se ses son sont sur ta te tes ton tu un une vos \
votre vous al como con cual cuales cuando cuanto del donde el ella es esta esto hay la las lo los me mi mis muy no nos \
para pero por porque puede puedo que quien se si sin son su sus te tiene tu un una uno y yo che chi ci come con cosa \
da dei del della di do dove e gli ho i il in io la le lo ma mi mio nel non o per perche posso quando quanto questo si \
sono sul ti tu un una ao as com da das de do dos ela ele em eu isso mais na nao nas nos o onde os ou para pela pelo por \
qual quando quanto que se sem seu sua tem um uma voce aan bij dat de een en er het hij hoe ik is kan ik jij jullie maar \
met mijn naar niet om ook op te uit van voor waar wanneer wat we wie wij ze zijn ";

/// The words of a text that carry meaning, reduced, in order.
pub(super) fn terms(text: &str) -> Vec<String> {
    words(text).into_iter().filter(|word| !is_small(word)).map(|word| stem(&word)).collect()
}

/// All words of a text in lower case without accents.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for chunk in text.split(|letter: char| !letter.is_alphanumeric()).filter(|chunk| !chunk.is_empty()) {
        let folded: String = chunk.chars().flat_map(char::to_lowercase).flat_map(fold).collect();
        if folded.chars().any(is_unspaced) {
            let letters: Vec<char> = folded.chars().collect();
            words.extend(letters.windows(2.min(letters.len())).map(|pair| pair.iter().collect::<String>()));
        } else if !folded.is_empty() {
            words.push(folded);
        }
    }
    words
}

/// Whether two reduced words are forms of one: equal, or one begins the other and is not much shorter.
pub(super) fn alike(left: &str, right: &str) -> bool {
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    short == long || (short.len() >= 4 && long.len() - short.len() <= 3 && long.starts_with(short))
}

fn is_small(word: &str) -> bool {
    let one_letter =
        word.chars().count() == 1 && !word.chars().any(|letter| letter.is_numeric() || is_unspaced(letter));
    one_letter || SMALL.contains(word)
}

fn stem(word: &str) -> String {
    const ENDINGS: [&str; 13] =
        ["ungen", "ments", "ings", "ment", "ing", "ung", "ies", "ed", "es", "en", "er", "s", "e"];
    let stem = ENDINGS
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 4 || *ending == "s"))
        .filter(|stem| stem.chars().count() >= 3)
        .unwrap_or(word);
    stem.strip_suffix('y').filter(|rest| rest.len() >= 4).unwrap_or(stem).to_owned()
}

fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{0e00}'..='\u{0eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

fn fold(letter: char) -> impl Iterator<Item = char> {
    let plain = match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ß' => 's',
        other => other,
    };
    // A combining accent stands behind its letter and is left out with it.
    let accent = matches!(letter, '\u{0300}'..='\u{036f}');
    let second = (letter == 'ß').then_some('s');
    (!accent).then_some(plain).into_iter().chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_are_alike() {
        let alike_pairs = [
            ("returns", "returned"),
            ("return", "returning"),
            ("policy", "policies"),
            ("price", "prices"),
            ("hours", "hour"),
            ("deliver", "delivery"),
            ("shipping", "ship"),
            ("opened", "opening"),
            ("Größe", "grosse"),
            ("Lieferung", "liefern"),
            ("café", "cafe"),
            ("horário", "horarios"),
            ("order", "ordered"),
        ];
        for (left, right) in alike_pairs {
            let (a, b) = (terms(left), terms(right));
            assert!(alike(&a[0], &b[0]), "{left} {a:?}, {right} {b:?}");
        }
        for (left, right) in [("order", "border"), ("ship", "shirt"), ("plan", "planetarium"), ("car", "care")] {
            let (a, b) = (terms(left), terms(right));
            assert!(!alike(&a[0], &b[0]), "{left} {a:?}, {right} {b:?}");
        }
    }

    #[test]
    fn small_words_carry_nothing() {
        for text in ["What is the", "Wie ist das für mich?", "¿Cómo puedo?", "Qu'est-ce que", "?!", "dove è il"] {
            assert_eq!(terms(text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(terms("営業時間"), ["営業", "業時", "時間"]);
        assert_eq!(terms("Room 7"), ["room", "7"]);
    }
}
