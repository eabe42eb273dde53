//! Compares each script with its header: keys, arguments, replies and writes.

use std::collections::BTreeSet;
use std::fs;

pub struct Script {
    pub name: String,
    /// The names that its header gives to KEYS, in order.
    pub keys: Vec<String>,
    arguments_max: usize,
    reply: String,
    writes: String,
    body: String,
}

pub fn scripts() -> Vec<Script> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/lua");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // `holds` is a library of the other scripts.
        (name != "holds").then(|| parse(name, &fs::read_to_string(path).unwrap()))
    };
    paths.filter_map(read).collect()
}

fn parse(name: String, text: &str) -> Script {
    let is_header = |line: &&str| line.starts_with("--");
    let header: Vec<&str> = text.lines().take_while(is_header).map(|line| line.trim_start_matches("--")).collect();
    let body: Vec<&str> =
        text.lines().skip_while(is_header).filter(|line| !line.trim_start().starts_with("--")).collect();
    let section = |title: &str| {
        let begin = header.iter().position(|line| line.starts_with(&format!(" {title} ")));
        let begin = begin.unwrap_or_else(|| panic!("lua/{name}.lua has no {title} in its header"));
        let is_continuation = |line: &&&str| line.starts_with("       ");
        let rest = header[begin + 1..].iter().take_while(is_continuation);
        let first = header[begin].trim_start().trim_start_matches(title);
        std::iter::once(first).chain(rest.copied()).map(str::trim).collect::<Vec<_>>().join("\n")
    };
    let numbered = |section: &str| -> Vec<(usize, String)> {
        let words: Vec<&str> = section.split_whitespace().collect();
        let pairs = words.windows(2).filter_map(|pair| Some((pair[0].parse().ok()?, pair[1].to_owned())));
        // In ascending order, so numbers inside a sentence do not count.
        pairs.fold(Vec::new(), |mut so_far, (n, word)| {
            if n == so_far.len() + 1 {
                so_far.push((n, word));
            }
            so_far
        })
    };
    let keys = numbered(&section("KEYS")).into_iter().map(|(_, word)| word).collect();
    let arguments_max = if section("ARGV").starts_with("the ") { 0 } else { numbered(&section("ARGV")).len() };
    let (reply, writes) = (section("Reply"), section("Writes"));
    Script { name, keys, arguments_max, reply, writes, body: body.join("\n") }
}

/// The indexes in `KEYS[1]` and so on.
fn indexes(body: &str, of: &str) -> BTreeSet<usize> {
    body.split(&format!("{of}[")).skip(1).filter_map(|rest| rest.split(']').next()?.parse().ok()).collect()
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.split('\'').next()
}

/// The words with which a script may reply: `{'word'`, `word = 'word'` and `return 'word'`, also after `and` and `or`.
fn answered(body: &str) -> BTreeSet<String> {
    let places = ["{'", "word = '", "return '", " or '"];
    let mut words = BTreeSet::new();
    for place in places {
        for (at, _) in body.match_indices(place) {
            let from = at + place.len() - 1;
            words.extend(quoted(&body[from..]).map(str::to_owned));
        }
    }
    words.retain(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
    words
}

/// The words that a header promises: quoted, separated by bars, or at the beginning of a line.
fn promised(reply: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    for line in reply.lines() {
        for part in line.split('\'').skip(1).step_by(2) {
            words.insert(part.to_owned());
        }
        let mut plain = String::new();
        let mut depth = 0;
        for c in line.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                c if depth == 0 => plain.push(c),
                _ => {}
            }
        }
        let list = plain.rsplit_once("}: ").map_or(plain.as_str(), |(_, list)| list);
        if list.contains('|') {
            words.extend(list.split('|').map(str::trim).filter(|word| is_word(word)).map(str::to_owned));
        }
        if let Some((first, _)) = list.split_once("  ") {
            words.extend(is_word(first).then(|| first.to_owned()));
        }
    }
    words
}

const WRITING: [&str; 12] =
    ["HSET", "HSETNX", "HDEL", "HINCRBY", "ZADD", "ZREM", "DEL", "SET", "PEXPIRE", "PEXPIREAT", "PUBLISH", "INCRBY"];

/// The indexes of the keys that a script writes.
fn written(body: &str) -> BTreeSet<usize> {
    let mut written = BTreeSet::new();
    for command in WRITING {
        for rest in body.split(&format!("redis.call('{command}'")).skip(1) {
            let arguments = rest.split(')').next().unwrap_or_default();
            // `DEL` takes several keys; every other command takes one.
            let keys_max = if command == "DEL" { usize::MAX } else { 1 };
            written.extend(
                arguments
                    .split("KEYS[")
                    .skip(1)
                    .take(keys_max)
                    .filter_map(|n| n.split(']').next()?.parse::<usize>().ok()),
            );
        }
    }
    for rest in body.split("drop_holds(").skip(1) {
        written.extend(indexes(rest.split(')').next().unwrap_or_default(), "KEYS"));
    }
    written
}

#[test]
fn a_script_uses_the_keys_and_arguments_that_its_header_names() {
    for script in scripts() {
        let name = &script.name;
        let used = indexes(&script.body, "KEYS");
        assert_eq!(used, (1..=script.keys.len()).collect(), "lua/{name}.lua: KEYS {:?}", script.keys);
        let highest = indexes(&script.body, "ARGV").into_iter().max().unwrap_or(0);
        assert!(
            highest <= script.arguments_max,
            "lua/{name}.lua uses ARGV[{highest}], its header lists {}",
            script.arguments_max
        );
    }
}

#[test]
fn a_script_replies_with_the_words_that_its_header_names() {
    for script in scripts() {
        assert_eq!(answered(&script.body), promised(&script.reply), "lua/{}.lua", script.name);
    }
}

#[test]
fn a_script_writes_the_keys_that_its_header_names() {
    for script in scripts() {
        let name = &script.name;
        for (n, key) in script.keys.iter().enumerate() {
            let is_documented = script.writes.split(|c: char| !c.is_alphanumeric()).any(|word| word == key);
            let is_written = written(&script.body).contains(&(n + 1));
            assert_eq!(
                is_documented, is_written,
                "lua/{name}.lua: is {key} written? The header says: {}",
                script.writes
            );
        }
    }
}

#[test]
fn every_key_is_passed_through_keys() {
    for script in scripts() {
        for call in script.body.split("redis.call(").skip(1) {
            let arguments = call.split(')').next().unwrap_or_default();
            let key = arguments.split(',').nth(1).map(str::trim);
            assert!(key.is_none_or(|key| key.starts_with("KEYS[")), "lua/{}.lua: redis.call({arguments})", script.name);
        }
    }
}
