//! Which bundles there are: `.json`, `.json.gz`, and directories of them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use walkdir::WalkDir;

/// A bundle larger than this, unpacked, is refused rather than read into memory.
const LARGEST: u64 = 1 << 30;

/// The bundles at these paths, in order: files as they are given, directories recursively.
///
/// # Errors
/// When a path does not exist, a directory cannot be read, or there is no bundle at all.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_file() {
            found.push(path.clone());
            continue;
        }
        for entry in WalkDir::new(path).sort_by_file_name().follow_links(true) {
            let entry = entry.map_err(|error| error.to_string())?;
            if entry.file_type().is_file() && is_bundle(entry.path()) {
                found.push(entry.into_path());
            }
        }
    }
    if found.is_empty() {
        return Err("there is no .json or .json.gz file at the given paths".to_owned());
    }
    Ok(found)
}

/// By name: `.json` somewhere, and `json` or `gz` at the end. Not by the exact extension, because exports come with names
/// such as `José.json".gz`, and a patient left out in silence is worse than a file that fails by name.
fn is_bundle(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains(".json") && (name.ends_with("json") || name.ends_with(".gz"))
}

/// The first bytes of a gzip file (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a bundle, unpacked.
///
/// # Errors
/// When it cannot be read or unpacked, or is too large.
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
    Ok(json)
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
    fn a_directory_gives_its_bundles_whatever_their_names_look_like() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        for name in [
            "a.json",
            "b.json.gz",
            "c.json\".gz",
            "inner/d.json",
            "notes.txt",
            "e.tar.gz",
        ] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        let found = find(&[folder.path().to_owned()]).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["a.json", "b.json.gz", "c.json\".gz", "inner/d.json"]);
    }

    #[test]
    fn a_path_without_a_bundle_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(find(&[folder.path().to_owned()]).is_err());
        assert!(find(&[folder.path().join("missing")]).is_err());
    }

    #[test]
    fn a_file_is_unpacked_by_what_it_is_not_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, gzip) = (folder.path().join("plain.gz"), folder.path().join("gzip.json"));
        std::fs::write(&plain, "plain").unwrap();
        std::fs::write(&gzip, packed("unpacked")).unwrap();
        assert_eq!(read(&plain).unwrap(), b"plain");
        assert_eq!(read(&gzip).unwrap(), b"unpacked");
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
