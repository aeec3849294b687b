//! The credentials that AWS's own tools would use, kept until shortly before they expire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use crate::AwsError;

/// Credentials that expire sooner than this are fetched anew: a request under way must not outlive them.
const EARLY: Duration = Duration::from_secs(5 * 60);

/// What the SDKs' chain says: who asks, and the region of the profile or of the machine.
pub(crate) struct Found {
    pub(crate) credentials: ChainCredentials,
    pub(crate) region: Option<String>,
}

/// Looks where the SDKs look. Without a region, the profile and the machine are asked for one.
pub(crate) async fn find(profile: Option<&str>, region: Option<&str>, bucket: &str) -> Found {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(aws_config::Region::new(region.to_owned()));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    Found {
        region: config.region().map(ToString::to_string),
        credentials: ChainCredentials {
            bucket: bucket.to_owned(),
            provider: config.credentials_provider(),
            kept: Mutex::new(None),
        },
    }
}

/// The chain as the object store asks it.
#[derive(Debug)]
pub(crate) struct ChainCredentials {
    bucket: String,
    /// `None` never comes of a chain that was loaded as above, and is told as no credentials.
    provider: Option<SharedCredentialsProvider>,
    /// Held while new ones are fetched, so that many requests at once fetch them once.
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    credential: Arc<AwsCredential>,
    expiry: Option<SystemTime>,
}

impl Kept {
    fn of(credentials: &Credentials) -> Self {
        let credential = AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        };
        Self { credential: Arc::new(credential), expiry: credentials.expiry() }
    }

    fn lasts(&self, until: SystemTime) -> bool {
        self.expiry.is_none_or(|expiry| expiry > until)
    }
}

#[async_trait]
impl CredentialProvider for ChainCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        let now = now();
        if let Some(known) = kept.as_ref().filter(|known| known.lasts(now + EARLY)) {
            return Ok(Arc::clone(&known.credential));
        }
        match self.fetch().await {
            Ok(fetched) => Ok(Arc::clone(&kept.insert(fetched).credential)),
            Err(error) => match kept.as_ref().filter(|known| known.lasts(now)) {
                // The next request asks again; there is time yet.
                Some(known) => Ok(Arc::clone(&known.credential)),
                None => Err(error.into()),
            },
        }
    }
}

impl ChainCredentials {
    async fn fetch(&self) -> Result<Kept, AwsError> {
        let none = |source| AwsError::NoCredentials { bucket: self.bucket.clone(), source };
        let Some(provider) = &self.provider else {
            return Err(none(aws_credential_types::provider::error::CredentialsError::not_loaded_no_source()));
        };
        Ok(Kept::of(&provider.provide_credentials().await.map_err(none)?))
    }
}

#[expect(clippy::disallowed_methods, reason = "credentials expire by the time of the machine that signs with them")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::future;

    use super::*;

    /// Gives credentials that last so long, a number of times.
    #[derive(Debug)]
    struct Issuer {
        lasting: Duration,
        most: usize,
        issued: Arc<AtomicUsize>,
    }

    impl ProvideCredentials for Issuer {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
            future::ProvideCredentials::ready(if number > self.most {
                Err(CredentialsError::provider_error("the issuer is out"))
            } else {
                let expiry = Some(now() + self.lasting);
                Ok(Credentials::new(format!("AKIA{number}"), "hush", None, expiry, "test"))
            })
        }
    }

    fn chain(lasting: Duration, most: usize) -> (ChainCredentials, Arc<AtomicUsize>) {
        let issued = Arc::new(AtomicUsize::new(0));
        let issuer = Issuer { lasting, most, issued: Arc::clone(&issued) };
        let provider = Some(SharedCredentialsProvider::new(issuer));
        (ChainCredentials { bucket: "lake".to_owned(), provider, kept: Mutex::new(None) }, issued)
    }

    #[tokio::test]
    async fn lasting_credentials_are_fetched_once_whoever_asks() {
        let (chain, issued) = chain(Duration::from_secs(3600), usize::MAX);
        let all = futures::future::join_all((0..20).map(|_| chain.get_credential())).await;
        assert!(all.into_iter().all(|credential| credential.unwrap().key_id == "AKIA1"));
        assert_eq!(issued.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn credentials_that_soon_expire_are_fetched_anew_and_used_while_no_others_come() {
        let (chain, issued) = chain(Duration::from_secs(60), 2);
        let keys = ["AKIA1", "AKIA2", "AKIA2", "AKIA2"];
        for key in keys {
            assert_eq!(chain.get_credential().await.unwrap().key_id, key);
        }
        assert_eq!(issued.load(Ordering::SeqCst), keys.len());
    }

    #[tokio::test]
    async fn expired_credentials_are_not_used() {
        let (chain, _) = chain(Duration::ZERO, 1);
        chain.get_credential().await.unwrap();
        let error = chain.get_credential().await.unwrap_err();
        assert!(matches!(&error, object_store::Error::Unauthenticated { path, .. } if path == "lake"), "{error}");
        assert!(error.to_string().contains("no AWS credentials for the bucket `lake`"), "{error}");
    }
}
