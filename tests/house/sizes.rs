//! Sizes: what a reader can hold at once. Lines count that are neither blank nor only a comment, outside of tests.

use std::collections::BTreeSet;

use crate::source::{Anatomy, Lines, Source};

/// Lines of production code in a file.
const FILE: usize = 400;

/// Lines of a function, its signature included.
const FUNCTION: usize = 60;

/// Files and functions that are too long. The list has no exceptions: what grows past the limit is two things.
pub fn check(sources: &[Source]) -> Vec<String> {
    let anatomies: Vec<Anatomy> = sources.iter().map(Anatomy::of).collect();
    let tests: BTreeSet<String> =
        sources.iter().zip(&anatomies).flat_map(|(source, anatomy)| files_of_tests(source, anatomy)).collect();
    let mut breaches = Vec::new();
    for (source, anatomy) in sources.iter().zip(&anatomies) {
        if tests.iter().any(|test| source.path == *test || source.path.starts_with(&folder_of(test))) {
            continue;
        }
        let lines = count(source, anatomy, Lines { first: 1, last: usize::MAX });
        if lines > FILE {
            breaches.push(format!("{}: {lines} lines of production code, more than {FILE}", source.path));
        }
        for function in &anatomy.functions {
            let lines = count(source, anatomy, function.lines);
            if lines > FUNCTION {
                let at = function.lines.first;
                breaches
                    .push(format!("{}:{at}: `{}` has {lines} lines, more than {FUNCTION}", source.path, function.name));
            }
        }
    }
    breaches
}

/// Where the modules lie that this file declares for tests only.
fn files_of_tests(source: &Source, anatomy: &Anatomy) -> Vec<String> {
    let (folder, name) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let base = if matches!(stem, "mod" | "lib" | "main") { folder.to_owned() } else { format!("{folder}/{stem}") };
    let both = |module: &String| [format!("{base}/{module}.rs"), format!("{base}/{module}/mod.rs")];
    anatomy.test_modules.iter().flat_map(both).collect()
}

/// The folder in which the submodules of a file lie.
fn folder_of(file: &str) -> String {
    file.strip_suffix("mod.rs").map_or_else(|| format!("{}/", file.trim_end_matches(".rs")), str::to_owned)
}

fn count(source: &Source, anatomy: &Anatomy, within: Lines) -> usize {
    let mut in_comment = false;
    let mut lines = 0;
    for (at, line) in source.text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        in_comment |= line.starts_with("/*");
        let code = !line.is_empty() && !line.starts_with("//") && !in_comment;
        in_comment &= !line.contains("*/");
        if code && within.contain(at) && !anatomy.test_lines.iter().any(|test| test.contain(at)) {
            lines += 1;
        }
    }
    lines
}

#[cfg(test)]
mod samples {
    use super::*;

    fn breaches(files: &[(&str, String)]) -> usize {
        check(&files.iter().map(|(path, text)| Source::parse(path, text)).collect::<Vec<_>>()).len()
    }

    fn constants(count: usize) -> String {
        (0..count).map(|n| format!("const N{n}: u8 = 0;\n")).collect()
    }

    fn function(lines: usize) -> String {
        format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(breaches(&[("src/a.rs", constants(400))]), 0);
        assert_eq!(breaches(&[("src/a.rs", constants(401))]), 1);
    }

    #[test]
    fn a_long_function_is_found_wherever_it_stands() {
        assert_eq!(breaches(&[("src/a.rs", function(60))]), 0);
        assert_eq!(breaches(&[("src/a.rs", function(61))]), 1);
        assert_eq!(breaches(&[("src/a.rs", format!("impl A {{ {} }}", function(61)))]), 1);
        assert_eq!(breaches(&[("src/a.rs", format!("trait A {{ {} }}", function(61)))]), 1);
        assert_eq!(breaches(&[("src/a.rs", format!("mod inner {{ {} }}", function(61)))]), 1);
    }

    #[test]
    fn blanks_comments_and_tests_do_not_count() {
        let text = format!("{}\n/// Doc.\n// Why.\n/* Long\n   one. */\nconst A: u8 = 0;\n", constants(399));
        assert_eq!(breaches(&[("src/a.rs", text)]), 0);
        let text = format!("#[cfg(test)]\nmod tests {{\n{}{}}}\n", constants(401), function(90));
        assert_eq!(breaches(&[("src/a.rs", text)]), 0);
        let declared = "#[cfg(test)]\nmod tests;\n".to_owned();
        assert_eq!(breaches(&[("src/a/mod.rs", declared.clone()), ("src/a/tests.rs", constants(401))]), 0);
        assert_eq!(breaches(&[("src/a.rs", declared.clone()), ("src/a/tests/big.rs", constants(401))]), 0);
        assert_eq!(breaches(&[("src/b.rs", declared), ("src/a/tests.rs", constants(401))]), 1);
        assert_eq!(breaches(&[("src/a.rs", format!("#[cfg(feature = \"x\")]\nmod m {{ {} }}", function(61)))]), 1);
    }
}
