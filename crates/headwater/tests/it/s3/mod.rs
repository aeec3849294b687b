//! Files and lakes on S3: SeaweedFS, alone and behind a proxy that makes trouble.
//!
//! What SeaweedFS cannot show: how AWS signs in (profiles, roles), its regions, and its limits on requests.
//!
//! | file | shows |
//! |---|---|
//! | `basics` | a project on S3 from end to end; how wrong settings are told |
//! | `faults` | 500, 503, cut bodies and stalls in a tenth of the requests: the load ends right, or says why and leaves nothing |
//! | `listing` | 100,000 objects, listed in pages |
//! | `together` | eight processes at once, here and on S3 |
//! | `intake` | the project of these tests and of `crash` |
//! | `weed` | SeaweedFS |
//! | `proxy`, `pages`, `http` | the proxy, and a double that only lists |

mod basics;
mod faults;
mod http;
pub(crate) mod intake;
mod listing;
mod pages;
mod proxy;
mod together;
pub(crate) mod weed;
