//! One address for each server: the normal form of URLs.

use reqwest::Url;
use serde::{Deserialize, Deserializer};

/// The address with scheme and host in small letters and without the port that the scheme means anyway (RFC 3986, sections 6.2.2.1 and
/// 6.2.3). The path stays as it is: its letters count. What is no address of a server (a URN, `Patient/1`) stays, too.
pub(super) fn normal(text: String) -> String {
    let Some((scheme, after)) = text.split_once("://") else {
        return text;
    };
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.trim_start().eq_ignore_ascii_case(web));
    match Url::parse(&text) {
        Ok(url) if is_web => {
            let path = after
                .find(['/', '?', '#'])
                .map_or("", |start| after.get(start..).unwrap_or_default());
            format!("{}://{}{}", url.scheme(), url.authority(), path.trim_end())
        }
        _ => text,
    }
}

/// Reads an address that may be missing, and gives its normal form.
pub(super) fn in_normal_form<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(normal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_one_address_however_it_is_written() {
        let one = "https://fhir.clinic.test/R4/Patient/aB";
        for text in [
            one,
            "HTTPS://FHIR.Clinic.Test/R4/Patient/aB",
            "https://fhir.clinic.test:443/R4/Patient/aB",
            " https://fhir.clinic.test/R4/Patient/aB ",
        ] {
            assert_eq!(normal(text.to_owned()), one);
        }
        for other in [
            "https://fhir.clinic.test:8443/R4/Patient/aB",
            "http://fhir.clinic.test/R4/Patient/aB",
            "https://fhir.clinic.test/r4/Patient/aB",
            "https://fhir.clinic.test/R4/Patient/ab",
            "https://fhir.clinic.test",
            "urn:uuid:0b1e3a52-0c32-4b0e-9a53-6a4d52ad7a11",
            "Patient/aB",
            "Patient?identifier=https://A.test|7",
            "https://[/Patient/1",
        ] {
            assert_eq!(normal(other.to_owned()), other);
        }
    }
}
