//! What the modules of a crate use of each other, read from the sources' tokens. Tests are left out: they may look at anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module by its path from the crate's root.
type Module = Vec<String>;

/// Groups of sibling modules of which each uses, perhaps by way of others, each other one; named by their paths from the workspace.
pub(crate) fn circles(source: &Path, name: &str) -> BTreeSet<Vec<String>> {
    let (mut uses, mut shown) = (BTreeMap::new(), BTreeMap::new());
    collect(source, &Module::new(), &mut uses, &mut shown);
    for paths in uses.values_mut() {
        resolve(paths, &shown);
    }
    assert!(uses.len() > 1, "no module was found in {}", source.display());
    let mut folders: BTreeSet<Module> = BTreeSet::new();
    for module in uses.keys() {
        folders.extend((0..module.len()).map(|depth| module[..depth].to_vec()));
    }
    let circles = folders.iter().flat_map(|folder| {
        let arrows = arrows_between_the_children_of(folder, &uses);
        let path = [&[name.to_owned()], folder.as_slice()].concat().join("/");
        strongly_connected(&arrows)
            .into_iter()
            .map(move |circle| circle.into_iter().map(|child| format!("{path}/{child}")).collect())
    });
    circles.collect()
}

/// Reads a folder of modules: which paths each of them names, and what it shows as its own.
fn collect(
    folder: &Path,
    at: &Module,
    uses: &mut BTreeMap<Module, BTreeSet<Module>>,
    shown: &mut BTreeMap<Module, Module>,
) {
    let entries = std::fs::read_dir(folder).expect("a folder of sources");
    for entry in entries.map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_stem().expect("a name").to_str().expect("UTF-8").to_owned();
        if name == "tests" || name == "simulation" {
            continue;
        }
        let inside = |name: &str| [at.as_slice(), &[name.to_owned()]].concat();
        if entry.is_dir() {
            collect(&entry, &inside(&name), uses, shown);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let module = match name.as_str() {
                "lib" | "main" | "mod" => at.clone(),
                name => inside(name),
            };
            let text = std::fs::read_to_string(&entry).expect("a source");
            let tokens: TokenStream = text.parse().expect("tokens");
            let tokens: Vec<TokenTree> = tokens.into_iter().collect();
            shown_by(&tokens, &module, shown);
            names(&tokens, &module, uses.entry(module.clone()).or_default());
        }
    }
}

/// What a module shows of others as its own (`pub use`), and where it is. Of a whole module (`*`) nothing tells what is shown.
fn shown_by(tokens: &[TokenTree], module: &Module, shown: &mut BTreeMap<Module, Module>) {
    for at in 0..tokens.len() {
        let Some(used) = publicly_used(&tokens[at..]) else {
            continue;
        };
        let mut found = BTreeSet::new();
        names(used, module, &mut found);
        if found.is_empty() {
            // It begins with a child of the module.
            tree(used, module.clone(), &mut found);
        }
        let is_on_the_way = |path: &Module| found.iter().any(|other| other != path && other.starts_with(path));
        for path in found.iter().filter(|path| !is_on_the_way(path)) {
            let name = [module.as_slice(), &path[path.len().saturating_sub(1)..]].concat();
            // A module and what it holds may be of one name.
            if !path.starts_with(&name) {
                shown.insert(name, path.clone());
            }
        }
    }
}

/// What stands after `pub use`, at the beginning.
fn publicly_used(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    let is = |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident == word);
    let [first, rest @ ..] = tokens else { return None };
    let rest = match rest {
        [TokenTree::Group(group), rest @ ..] if group.delimiter() == Delimiter::Parenthesis => rest,
        rest => rest,
    };
    let [second, rest @ ..] = rest else { return None };
    let end = rest.iter().position(ends_a_use)?;
    (is(first, "pub") && is(second, "use")).then_some(&rest[..end])
}

fn ends_a_use(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';')
}

/// Adds to paths where that is which they name by what a module shows as its own.
fn resolve(paths: &mut BTreeSet<Module>, shown: &BTreeMap<Module, Module>) {
    let mut next: Vec<Module> = paths.iter().cloned().collect();
    while let Some(path) = next.pop() {
        for length in 1..=path.len() {
            if let Some(behind) = shown.get(&path[..length]) {
                let behind = [behind.as_slice(), &path[length..]].concat();
                if paths.insert(behind.clone()) {
                    next.push(behind);
                }
            }
        }
    }
}

/// The paths from the crate's root that tokens name.
fn names(tokens: &[TokenTree], module: &Module, found: &mut BTreeSet<Module>) {
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        if is_for_tests(rest) {
            // The attribute, and what it stands before: up to the end of its body, or to its semicolon.
            let end = rest.iter().position(ends_an_item).map_or(rest.len(), |end| end + 1);
            rest = &rest[end..];
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                names(&inner, module, found);
            }
            TokenTree::Ident(first) if colons(after).is_some() => {
                let base = match first.to_string().as_str() {
                    "crate" => Some(Module::new()),
                    "self" => Some(module.clone()),
                    "super" => Some(module[..module.len().saturating_sub(1)].to_vec()),
                    _ => None,
                };
                if let (Some(base), Some(path)) = (base, colons(after)) {
                    tree(path, base, found);
                }
            }
            _ => {}
        }
        rest = after;
    }
}

/// `#[cfg(test)]`, at the beginning.
fn is_for_tests(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = tokens else {
        return false;
    };
    hash.as_char() == '#' && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

fn ends_an_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    }
}

/// What comes after two colons, at the beginning.
fn colons(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [TokenTree::Punct(first), TokenTree::Punct(second), rest @ ..]
            if first.as_char() == ':' && second.as_char() == ':' =>
        {
            Some(rest)
        }
        _ => None,
    }
}

/// The rest of a path, or of a tree of paths in braces.
fn tree(tokens: &[TokenTree], base: Module, found: &mut BTreeSet<Module>) {
    match tokens {
        [TokenTree::Ident(name), rest @ ..] => {
            let name = name.to_string();
            let path = match name.as_str() {
                "super" => base[..base.len().saturating_sub(1)].to_vec(),
                "self" => base,
                _ => [base, vec![name]].concat(),
            };
            found.insert(path.clone());
            if let Some(rest) = colons(rest) {
                tree(rest, path, found);
            }
        }
        [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            inner.split(comma).for_each(|branch| tree(branch, base.clone(), found));
        }
        _ => {}
    }
}

/// Which child modules of a folder use which of their siblings.
fn arrows_between_the_children_of(
    folder: &Module,
    uses: &BTreeMap<Module, BTreeSet<Module>>,
) -> BTreeMap<String, BTreeSet<String>> {
    let child = |path: &Module| {
        path.strip_prefix(folder.as_slice())
            .and_then(|rest| rest.first().cloned())
    };
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for module in uses.keys().filter_map(child) {
        arrows.entry(module).or_default();
    }
    let children: BTreeSet<String> = arrows.keys().cloned().collect();
    for (module, paths) in uses {
        if let Some(from) = child(module) {
            let to = paths.iter().filter_map(child);
            let siblings = to.filter(|to| *to != from && children.contains(to));
            arrows
                .entry(from.clone())
                .or_default()
                .extend(siblings.collect::<Vec<_>>());
        }
    }
    arrows
}

/// Sets of more than one, of which each reaches each other one.
fn strongly_connected(arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<String>> {
    let reached = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(at) = next.pop() {
            next.extend(arrows[at].iter().filter(|to| seen.insert((*to).clone())));
        }
        seen
    };
    let reach: BTreeMap<&String, BTreeSet<String>> = arrows.keys().map(|from| (from, reached(from))).collect();
    let circle = |one: &String| {
        let others = reach[one].iter().filter(|other| reach[other].contains(one));
        others.cloned().collect::<Vec<_>>()
    };
    arrows.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn a_circle_is_found_whatever_form_its_paths_have() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    write("lib.rs", "mod a; mod b; mod c; mod d;");
    write("a.rs", "use super::{c, b::{self, B}};");
    write("b/mod.rs", "mod inner;");
    write("b/inner.rs", "fn f() { macro_of!(crate::c::C); }");
    write(
        "c.rs",
        "type T = super::a::A; #[cfg(test)] mod tests { use crate::d::D; }",
    );
    write("d.rs", "#[cfg(test)] use crate::c; use crate::a;");
    let circle = ["x/a", "x/b", "x/c"].map(str::to_owned).to_vec();
    assert_eq!(circles(folder.path(), "x"), BTreeSet::from([circle]));
}

#[test]
fn a_circle_by_way_of_what_the_module_above_shows_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a source");
    std::fs::create_dir(folder.path().join("b")).expect("a folder");
    write("lib.rs", "mod b;");
    write("b/mod.rs", "mod names; mod rows; pub(crate) use rows::{One, Row};");
    write("b/rows.rs", "use super::names; struct Row; struct One;");
    write("b/names.rs", "use super::Row;");
    let circle = ["x/b/names", "x/b/rows"].map(str::to_owned).to_vec();
    assert_eq!(circles(folder.path(), "x"), BTreeSet::from([circle]));
}
