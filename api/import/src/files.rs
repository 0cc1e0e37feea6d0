//! Which files there are: `.json`, `.ndjson`, either packed as `.gz`, and directories of them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use walkdir::WalkDir;

/// A file larger than this, unpacked, is refused rather than read into memory.
const LARGEST: u64 = 1 << 30;

/// A file that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct FileError {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// What there is at some paths.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The files to import, in order: as they are given, directories recursively and by name. A link that leads nowhere, or a
    /// directory that cannot be read, is an error in its place.
    pub files: Vec<Result<PathBuf, FileError>>,
    /// The files in the directories that are not taken for FHIR, by their names.
    pub others: Vec<PathBuf>,
}

/// The files at these paths.
///
/// # Errors
/// When there is nothing to import at all.
pub fn find(paths: &[PathBuf]) -> Result<Found, String> {
    let mut found = Found::default();
    for path in paths {
        if path.is_file() {
            found.files.push(Ok(path.clone()));
            continue;
        }
        for entry in WalkDir::new(path).sort_by_file_name().follow_links(true) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if !entry.file_type().is_file() => {
                    // A pipe or a device: reading it may never end.
                    if is_fhir(entry.path()) {
                        let why = "is neither a file nor a directory".to_owned();
                        let path = entry.into_path();
                        found.files.push(Err(FileError { path, why }));
                    }
                }
                Ok(entry) if is_fhir(entry.path()) => found.files.push(Ok(entry.into_path())),
                Ok(entry) => found.others.push(entry.into_path()),
                Err(error) => {
                    let why = error
                        .io_error()
                        .map_or("leads back to itself".to_owned(), ToString::to_string);
                    let path = error.path().unwrap_or(path).to_owned();
                    found.files.push(Err(FileError { path, why }));
                }
            }
        }
    }
    if found.files.iter().any(Result::is_ok) {
        return Ok(found);
    }
    let wrong: Vec<String> = found
        .files
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.to_string())
        .collect();
    Err(if wrong.is_empty() {
        "there is no .json, .ndjson, .json.gz or .ndjson.gz file at the given paths".to_owned()
    } else {
        wrong.join("; ")
    })
}

/// A file's name in lower case, without blanks around it.
fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .trim()
        .to_lowercase()
}

/// By name, in any case: `.json` or `.ndjson` somewhere, and `json` or `gz` at the end. Not by the exact extension, because
/// exports come with names such as `José.json".gz`, and a patient left out in silence is worse than a file that fails by name.
fn is_fhir(path: &Path) -> bool {
    let name = name(path);
    (name.contains(".json") || has_lines(path))
        && (name.ends_with("json") || name.ends_with("jsonl") || name.ends_with(".gz"))
}

/// Whether each line of a file is a document of its own (FHIR Bulk Data Access).
pub fn has_lines(path: &Path) -> bool {
    let name = name(path);
    name.contains(".ndjson") || name.contains(".jsonl")
}

/// The first bytes of a gzip file (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The byte order mark in UTF-8, and in UTF-16 of either order.
const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
const MARKS_16: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// Reads a file, unpacked, without a byte order mark.
///
/// # Errors
/// When it cannot be read or unpacked, is too large, or is not in UTF-8.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut file = BufReader::new(file);
    let start = file.fill_buf().map_err(|error| format!("cannot be read: {error}"))?;
    let source: Box<dyn Read> = if start.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut json = Vec::new();
    source
        .take(LARGEST)
        .read_to_end(&mut json)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if json.len() as u64 == LARGEST {
        return Err("is larger than 1 GiB unpacked".to_owned());
    }
    if json.starts_with(&MARK) {
        json.drain(..MARK.len());
    } else if MARKS_16.iter().any(|mark| json.starts_with(mark)) {
        return Err("is in UTF-16, and FHIR is in UTF-8".to_owned());
    }
    mend_surrogates(&mut json);
    Ok(json)
}

/// What stands for a character that is none, as an escape (U+FFFD).
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// Puts the replacement character for each half of a pair of escapes whose other half is not there (RFC 8259, section 8.2): a text that
/// was cut within a character.
fn mend_surrogates(json: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = json
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| *byte == b'\\'))
    {
        at += found;
        let first = surrogate(json, at);
        let is_pair = matches!(
            (first, surrogate(json, at + 6)),
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff))
        );
        if first.is_some()
            && !is_pair
            && let Some(escape) = json.get_mut(at..at + 6)
        {
            escape.copy_from_slice(REPLACEMENT);
        }
        // What is escaped is no backslash that escapes.
        at += if is_pair { 12 } else { 2 };
    }
}

/// The half of a pair that is escaped here, if one is.
fn surrogate(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let unit = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..=0xdfff).contains(&unit).then_some(unit)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_directory_gives_its_files_whatever_their_names_look_like() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let taken = [
            "B.JSON",
            "a.json",
            "b.json.gz",
            "c.json\".gz",
            "d.json.GZ",
            "e.ndjson",
            "f.NDJSON.gz",
            "g.jsonl",
            "h.json ",
            "inner/d.json",
        ];
        let others = ["e.tar.gz", "i.json.bak", "j.fhir", "k.json.txt", "notes.txt"];
        for name in taken.iter().chain(&others) {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        let found = find(&[folder.path().to_owned()]).unwrap();
        let names = |paths: Vec<&PathBuf>| -> Vec<String> {
            let name = |path: &&PathBuf| path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned();
            paths.iter().map(name).collect()
        };
        assert_eq!(
            names(found.files.iter().map(|file| file.as_ref().unwrap()).collect()),
            taken
        );
        assert_eq!(names(found.others.iter().collect()), others);
    }

    #[test]
    fn a_path_without_a_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(find(&[folder.path().to_owned()]).is_err());
        assert!(find(&[folder.path().join("missing")]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_nowhere_is_named_and_the_rest_is_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.json"), "{}").unwrap();
        std::os::unix::fs::symlink(folder.path().join("gone"), folder.path().join("a.json")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("c")).unwrap();
        let found = find(&[folder.path().to_owned()]).unwrap().files;
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0].as_ref().unwrap_err().path, folder.path().join("a.json"));
        assert_eq!(found[1], Ok(folder.path().join("b.json")));
        assert_eq!(found[2].as_ref().unwrap_err().why, "leads back to itself");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_called_like_a_file_and_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), "{}").unwrap();
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("b.json")).unwrap();
        let found = find(&[folder.path().to_owned()]).unwrap().files;
        drop(socket);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1].as_ref().unwrap_err().why, "is neither a file nor a directory");
    }

    #[test]
    fn a_file_is_unpacked_by_what_it_is_not_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, gzip) = (folder.path().join("plain.gz"), folder.path().join("gzip.json"));
        std::fs::write(&plain, "plain").unwrap();
        std::fs::write(&gzip, packed("\u{feff}unpacked")).unwrap();
        assert_eq!(read(&plain).unwrap(), b"plain");
        assert_eq!(read(&gzip).unwrap(), b"unpacked");
        std::fs::write(&plain, [0xff, 0xfe, b'{', 0]).unwrap();
        assert!(read(&plain).unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn half_a_pair_of_escapes_is_a_character_that_is_none_and_costs_nothing_else() {
        for (told, read) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00\ud83d b""#, "\u{fffd}\u{fffd} b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\uD83D\uDE00 \\ud83d \u00e4\n""#, "\u{1f600} \\ud83d ä\n"),
        ] {
            let mut json = told.as_bytes().to_vec();
            mend_surrogates(&mut json);
            assert_eq!(serde_json::from_slice::<String>(&json).unwrap(), read, "{told}");
        }
        for cut in [r#""\ud8"#, r#""\"#, r#""\u+d83""#] {
            let mut json = cut.as_bytes().to_vec();
            mend_surrogates(&mut json);
            assert_eq!(json, cut.as_bytes());
        }
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.json.gz");
        let whole = packed("unpacked, but not to the end");
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert!(read(&path).is_err());
    }
}
