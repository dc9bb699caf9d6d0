//! What is checked of a certificate, as libpq does it for each `sslmode`.

use super::MakeTls;
use crate::{
    Error,
    connection::{Checks, Roots},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use std::{path::Path, sync::Arc};

/// A connector that checks this, by these roots.
pub(crate) fn make(checks: Checks, roots: Option<&Roots>) -> Result<MakeTls, Error> {
    let roots = match roots {
        None => RootCertStore::empty(),
        Some(Roots::File(path)) => of_file(path)?,
        Some(Roots::System) => of_the_system()?,
    };
    // Named here, so that no other crate of the program decides by what it turns on.
    let provider = ring::default_provider();
    let verifier = Verifier {
        checks,
        roots,
        algorithms: provider.signature_verification_algorithms,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Place(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(MakeTls::new(config))
}

fn of_file(path: &Path) -> Result<RootCertStore, Error> {
    let refused = |why: String| Error::CannotOpen {
        store: path.display().to_string(),
        why,
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path);
    for certificate in certificates.map_err(|error| refused(error.to_string()))? {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        let added = roots.add(certificate);
        added.map_err(|error| refused(format!("a certificate in it cannot be a root: {error}")))?;
    }
    if roots.is_empty() {
        return Err(refused("it has no certificate in PEM".to_owned()));
    }
    Ok(roots)
}

fn of_the_system() -> Result<RootCertStore, Error> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system may have old ones that cannot be read.
    roots.add_parsable_certificates(loaded.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let why = loaded.errors.first().map(ToString::to_string);
    Err(Error::CannotOpen {
        store: "the certificates of the system".to_owned(),
        why: format!(
            "none can be read{}. Name a file with sslrootcert",
            why.map_or_else(String::new, |why| format!(" ({why})"))
        ),
    })
}

/// Checks as much of a certificate as the mode asks for. That the server has the key of its certificate is always checked.
#[derive(Debug)]
struct Verifier {
    checks: Checks,
    roots: RootCertStore,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if self.checks == Checks::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        if self.checks == Checks::AuthorityAndName {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
