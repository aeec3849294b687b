//! Whether this Spark can read and write where the lake is.

use headwater_plan::{Code, Diagnostic};

use super::Check;
use super::submit::Looking;
use super::version::{Version, of_jar};

const ARTIFACT: &str = "hadoop-aws";

pub(super) fn checks(looking: &Looking<'_>, lake: &str) -> Vec<Check> {
    match lake.split_once("://") {
        None | Some(("file", _)) => vec![Check::sound("storage", "a folder of this machine")],
        Some(("s3", _)) => s3(looking),
        Some((scheme, _)) => {
            let told = Diagnostic::error(
                Code::EngineSetting,
                format!("the lake lies in `{scheme}://`, which Spark is not set up for"),
            );
            vec![Check::of("storage", told.help("a lake is a folder or an `s3://` URL"))]
        }
    }
}

/// Headwater makes Hadoop's S3A serve `s3://`, so that one URL means the same to every engine; S3A itself must be there.
fn s3(looking: &Looking<'_>) -> Vec<Check> {
    let Some(hadoop) = looking.installation.hadoop else {
        return vec![Check::sound("storage", "S3 as this Spark has it")];
    };
    let package = format!("org.apache.hadoop:{ARTIFACT}:{hadoop}");
    let help = format!("`packages: [\"{package}\"]` fetches it; or name its JARs with `jars:`");
    let files = looking.files();
    let of_files = files.iter().find_map(|file| of_jar(file, ARTIFACT)).map(|(_, version)| version);
    let packages = looking.properties.packages();
    let of_packages =
        packages.iter().find_map(|package| Version::read(package.strip_prefix("org.apache.hadoop:hadoop-aws:")?));
    let Some(found) = of_files.or(of_packages) else {
        let message = format!("this Spark cannot read `s3://`: it has no `{ARTIFACT}` on its class path");
        return vec![Check::of("storage", Diagnostic::error(Code::EngineMissing, message).help(help))];
    };
    if found != hadoop {
        let message =
            format!("`{ARTIFACT}` is {found}, and the Hadoop of this Spark is {hadoop}: they must be the same");
        return vec![Check::of("storage", Diagnostic::error(Code::EngineVersion, message).help(help))];
    }
    let message = "Spark writes to S3 without the conditional puts that keep two writers of a Delta table apart";
    let help = "let one run at a time write to this lake; embedded runs need no such care";
    vec![
        Check::sound("storage", format!("S3 by {ARTIFACT} {found}")),
        Check::of("writers", Diagnostic::warning(Code::EngineSetting, message).help(help)),
    ]
}
