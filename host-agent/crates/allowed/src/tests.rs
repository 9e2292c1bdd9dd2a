//! The files of `testdata` were made by ssh-keygen of OpenSSH 9.2.

use proptest::prelude::*;

use super::*;
use crate::signers::{find, parse as signers_of};

const LIST: &[u8] = include_bytes!("testdata/allowed-objects");
const SIGNERS: &[u8] = include_bytes!("testdata/allowed-signers");
const BY_OPS: &[u8] = include_bytes!("testdata/by-ops.sig");
const BY_OPS_SHA256: &[u8] = include_bytes!("testdata/by-ops-sha256.sig");
const BY_OTHER: &[u8] = include_bytes!("testdata/by-other.sig");
const BY_RSA: &[u8] = include_bytes!("testdata/by-rsa.sig");
const OTHER_NAMESPACE: &[u8] = include_bytes!("testdata/other-namespace.sig");

fn of(list: Option<&[u8]>, signature: Option<&[u8]>, signers: Option<&[u8]>) -> Policy {
    policy(Files { list, signature, signers }, 1_800_000_000)
}

fn signed_by(signature: &[u8]) -> Policy {
    of(Some(LIST), Some(signature), Some(SIGNERS))
}

fn fault(policy: Policy) -> String {
    match policy {
        Policy::Nothing(fault) => fault.to_string(),
        other => panic!("{other:?} allows something"),
    }
}

#[test]
fn without_files_anything_runs_and_a_list_alone_counts_as_it_is() {
    assert_eq!(of(None, None, None), Policy::Anything);
    assert_eq!(of(None, Some(BY_OPS), None), Policy::Anything);
    for signature in [None, Some(BY_OTHER)] {
        let Policy::Listed { objects, signer } = of(Some(LIST), signature, None) else { panic!("no list") };
        assert_eq!((objects.len(), signer), (2, None));
    }
    assert_eq!(of(Some(b""), None, None), Policy::Listed { objects: list::Hashes::new(), signer: None });
    assert!(fault(of(Some(b"what"), None, None)).starts_with("allowed-objects: line 1 "));
}

#[test]
fn what_ssh_keygen_has_signed_counts_and_names_its_signer() {
    for signature in [BY_OPS, BY_OPS_SHA256] {
        let Policy::Listed { objects, signer } = signed_by(signature) else { panic!("{:?}", signed_by(signature)) };
        assert_eq!((objects.len(), signer.as_deref()), (2, Some("ops@example.com")));
    }
}

#[test]
fn where_signers_are_named_everything_else_allows_nothing() {
    let changed = [LIST, b"# one more\n"].concat();
    let cases = [
        (of(None, Some(BY_OPS), Some(SIGNERS)), "allowed-objects: missing, although allowed-signers"),
        (of(Some(LIST), None, Some(SIGNERS)), "allowed-objects.sig: missing, although allowed-signers"),
        (of(Some(&changed), Some(BY_OPS), Some(SIGNERS)), "allowed-objects.sig: it is not the signature of this list"),
        (signed_by(BY_OTHER), "allowed-objects.sig: made with a key that allowed-signers does not name"),
        (signed_by(BY_RSA), "allowed-objects.sig: made with a key of type rsa-sha2-512: ssh-ed25519 is the only one"),
        (signed_by(OTHER_NAMESPACE), "allowed-objects.sig: made for the namespace \"file\", not ringside-objects"),
        (signed_by(b"nothing"), "allowed-objects.sig: no armoured SSH signature"),
        (signed_by(&BY_OPS[..BY_OPS.len() - 60]), "allowed-objects.sig: no armoured SSH signature"),
        (
            of(Some(LIST), Some(BY_OPS), Some(b"")),
            "allowed-objects.sig: made with a key that allowed-signers does not name",
        ),
        (of(Some(LIST), Some(BY_OPS), Some(b"# nobody\nops")), "allowed-signers: line 2 is not"),
    ];
    for (policy, expected) in cases {
        let fault = fault(policy);
        assert!(fault.starts_with(expected), "{fault}");
    }
}

/// The key of ops with these options.
fn with_options(options: &str) -> Result<String, String> {
    let line = std::str::from_utf8(SIGNERS).expect("text").lines().nth(1).expect("a line");
    let line = line.replace(" ssh-ed25519 ", &format!(" {options} ssh-ed25519 "));
    let key = signature::parse(BY_OPS).expect("a signature").key;
    find(&signers_of(line.as_bytes())?, &key, 1_800_000_000)
}

#[test]
fn options_of_signers_are_kept_or_refused() {
    // 2027-01-15 08:00:00 UTC is second 1,800,000,000.
    for fine in [
        "",
        "namespaces=\"ringside-objects\"",
        "namespaces=\"file,ringside-*\"",
        "valid-after=\"20270115Z\"",
        "valid-after=\"202701150800Z\",valid-before=\"20270115080001Z\",namespaces=\"*\"",
    ] {
        assert_eq!(with_options(fine).as_deref(), Ok("ops@example.com"), "{fine}");
    }
    for (wrong, why) in [
        ("cert-authority", "its option cert-authority is not supported"),
        ("namespaces=\"*\",touch-required", "its option touch-required is not supported"),
        ("namespaces=\"file\"", "its key may not sign for the namespace ringside-objects"),
        ("namespaces=\"*,!ringside-*\"", "its key may not sign for the namespace ringside-objects"),
        ("valid-after=\"20270115080001Z\"", "its key is not valid yet"),
        ("valid-before=\"202701150800Z\"", "its key is not valid any more"),
        ("valid-before=\"20300101\"", "its time 20300101 is not YYYYMMDDZ or"),
        ("valid-before=\"20301301Z\"", "its time 20301301Z is not YYYYMMDDZ or"),
    ] {
        let error = with_options(wrong).expect_err(wrong);
        assert!(error.starts_with("line 1 of allowed-signers names its key, but ") && error.contains(why), "{error}");
    }
    assert!(with_options("namespaces").is_err_and(|error| error.starts_with("line 1 is not")));
}

#[test]
fn keys_of_other_types_sign_nothing_and_do_no_harm() {
    let signers = signers_of(SIGNERS).expect("read");
    assert_eq!(signers.len(), 3);
    let rsa = signature_key(SIGNERS, "ssh-rsa ");
    let error = find(&signers, &rsa, 0).expect_err("refused");
    assert!(error.contains("its key is of type ssh-rsa: ssh-ed25519 is the only one that is supported"), "{error}");
}

fn signature_key(signers: &[u8], kind: &str) -> Vec<u8> {
    let text = std::str::from_utf8(signers).expect("text");
    let behind = text.split_once(kind).expect("such a key").1;
    base64::decode(behind.split(' ').next().expect("a key").as_bytes()).expect("base64")
}

proptest! {
    #[test]
    fn no_bit_of_a_signature_or_its_list_can_be_another(place in 0_usize..1 << 20, bit in 0_u8..8, in_list in any::<bool>()) {
        let (mut list, mut signature) = (LIST.to_vec(), BY_OPS.to_vec());
        let changed = if in_list { &mut list } else { &mut signature };
        let place = place % changed.len();
        changed[place] ^= 1 << bit;
        // Line breaks of the armour say nothing.
        let broken = !in_list && (BY_OPS[place] == b'\n' || signature[place] == b'\n' || signature[place] == b'\r');
        let allowed = matches!(of(Some(&list), Some(&signature), Some(SIGNERS)), Policy::Listed { .. });
        prop_assert!(!allowed || broken);
    }

    #[test]
    fn any_bytes_are_survived(
        list in prop::collection::vec(any::<u8>(), 0..80),
        signers in "((a|!|\\*|,|\"|=| |namespaces|valid-after|ssh-ed25519|ssh-rsa|AAAA|\n){0,20})|\\PC{0,40}",
        blob in prop::collection::vec(any::<u8>(), 0..120),
        cut in 0_usize..400,
    ) {
        let armour = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", base64::encode(&[b"SSHSIG\0\0\0\x01".as_slice(), &blob].concat()));
        of(Some(&list), Some(armour.as_bytes()), Some(signers.as_bytes()));
        of(Some(&list), Some(&BY_OPS[..cut.min(BY_OPS.len())]), Some(SIGNERS));
        of(Some(&list), Some(&blob), Some(&list));
        of(Some(LIST), Some(BY_OPS), Some(signers.as_bytes()));
    }
}
