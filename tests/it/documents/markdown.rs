//! Extracts parts of Markdown text.

use std::collections::BTreeSet;

/// The text of code spans, and the lines of fenced and indented code blocks.
pub fn code(markdown: &str) -> Vec<String> {
    let mut code = Vec::new();
    for (n, block) in markdown.split("```").enumerate() {
        if n % 2 == 1 {
            code.extend(block.lines().skip(1).map(str::to_owned));
            continue;
        }
        // By paragraph, so a lone backtick affects only its own paragraph.
        for paragraph in block.split("\n\n") {
            if paragraph.lines().all(|line| line.starts_with("    ")) {
                code.extend(paragraph.lines().map(str::to_owned));
            } else {
                code.extend(paragraph.split('`').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }
    code
}

/// The words of all code, without surrounding punctuation.
pub fn code_words(markdown: &str) -> Vec<String> {
    let trimmed = |word: &str| word.trim_matches(|c| "\"'(),;:[]`#".contains(c)).trim_end_matches('.').to_owned();
    code(markdown)
        .iter()
        .flat_map(|code| code.split_whitespace())
        .map(trimmed)
        .filter(|word| !word.is_empty())
        .collect()
}

/// The targets of links and images.
pub fn links(markdown: &str) -> Vec<&str> {
    markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// The anchors of the headings, as GitHub derives them.
pub fn anchors(markdown: &str) -> BTreeSet<String> {
    let prose: String = markdown.split("```").step_by(2).collect();
    let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let slug = |heading: &str| -> String {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
    };
    headings.map(slug).collect()
}
