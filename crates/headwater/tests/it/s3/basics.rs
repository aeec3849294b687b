//! A project whose files and lake are on S3, from end to end; and what is told when S3 cannot be used.

use super::intake::{Intake, Place, words};
use super::weed::{BUCKET, Weed, weed};

#[test]
fn a_project_on_s3_loads_each_file_once() {
    let Some(weed) = weed("a_project_on_s3_loads_each_file_once") else { return };
    let mut intake = Intake::new(Place::S3(weed), &[]);
    (0..3).for_each(|number| intake.arrive(number));
    intake.succeed(&["run"], "first");
    intake.verify("first");
    let again = intake.succeed(&["run"], "again");
    assert!(again.contains("nothing to do"), "{again}");
    intake.arrive(3);
    intake.succeed(&["run"], "one more");
    intake.verify("one more");
    let shown = intake.succeed(&["tables", "show", "bronze.orders", "--format", "json"], "show");
    assert!(shown.contains(&format!("s3://{BUCKET}/")), "{shown}");
    intake.succeed(&["run", "--full-refresh"], "anew");
    intake.verify("anew");
    let local: Vec<_> = intake.in_project().into_iter().filter(|path| path.starts_with("lake")).collect();
    assert!(local.is_empty(), "something of the lake lies here: {local:?}");
}

#[test]
fn settings_may_stand_in_the_projects_env_file() {
    let Some(weed) = weed("settings_may_stand_in_the_projects_env_file") else { return };
    let mut intake = Intake::new(Place::S3(weed), &[]);
    intake.arrive(0);
    let settings: Vec<String> =
        Weed::variables(&weed.endpoint()).iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    intake.write(".env", &settings.concat());
    intake.forget_variables();
    intake.succeed(&["run"], ".env");
    intake.verify(".env");
}

/// What a command says that must fail.
fn refused(intake: &Intake, verb: &str, code: i32) -> String {
    let output = intake.output(&[verb]);
    assert_eq!(output.status.code(), Some(code), "{}", words(&output));
    String::from_utf8(output.stderr).unwrap().replace(intake.prefix(), "[PREFIX]")
}

#[test]
fn what_is_wrong_with_the_settings_is_told() {
    let Some(weed) = weed("what_is_wrong_with_the_settings_is_told") else { return };
    let mut intake = Intake::new(Place::S3(weed), &[]);
    intake.arrive(0);
    let filters = [(r"127\.0\.0\.1:\d+", "[HOST]"), (r"in \d+(\.\d+)?\S?s", "in [TIME]"), (r"\^+", "^")];
    insta::with_settings!({ filters => filters }, {
        intake.set("AWS_MAX_ATTEMPTS", "1");
        intake.set("AWS_SECRET_ACCESS_KEY", "another");
        insta::assert_snapshot!(refused(&intake, "run", 1), @"
        error[storage-denied]: cannot reach the lake `s3://headwater/[PREFIX]/lake`
         --> headwater.yml:3:18
          |
        3 |   local: { lake: 's3://headwater/[PREFIX]/lake' }
          |                  ^
          = cause: The operation lacked the necessary privileges to complete for path s3://headwater/[PREFIX]/lake/_headwater: S3 answered 403: SignatureDoesNotMatch, The request signature we calculated does not match the signature you provided. Check your key and signing method.
          = help: check the credentials, and that they may list, read, write and delete there
        ");
        intake.set("AWS_SECRET_ACCESS_KEY", "");
        insta::assert_snapshot!(refused(&intake, "run", 1), @"
        error[missing-environment-variable]: the environment variable `AWS_ACCESS_KEY_ID` is set and `AWS_SECRET_ACCESS_KEY` is not
         --> headwater.yml:3:18
          |
        3 |   local: { lake: 's3://headwater/[PREFIX]/lake' }
          |                  ^
          = help: set both, in the environment or in `.env`, or neither
        ");
        intake.through(&weed.endpoint());
        intake.set("AWS_ALLOW_HTTP", "");
        insta::assert_snapshot!(refused(&intake, "run", 1), @"
        error[invalid-value]: `AWS_ENDPOINT_URL` is `http://[HOST]`, which sends keys and data in the clear
         --> headwater.yml:3:18
          |
        3 |   local: { lake: 's3://headwater/[PREFIX]/lake' }
          |                  ^
          = help: use `https://`, or set `AWS_ALLOW_HTTP=true` for a store on this machine or a network of yours
        ");
        // Nobody listens there.
        intake.through("http://127.0.0.1:9");
        insta::assert_snapshot!(refused(&intake, "tables", 4), @"
        error[storage-unavailable]: cannot reach the lake `s3://headwater/[PREFIX]/lake`
         --> headwater.yml:3:18
          |
        3 |   local: { lake: 's3://headwater/[PREFIX]/lake' }
          |                  ^
          = cause: Generic S3 error: Error performing list request: Error performing GET http://[HOST]/headwater?delimiter=%2F&list-type=2&prefix=[PREFIX]%2Flake%2F_headwater%2F in [TIME] - HTTP error: error sending request
          = cause: client error (Connect)
          = cause: tcp connect error
          = cause: Connection refused (os error 111)
          = help: check that it is up, and the network to it, then run again
        ");
    });
}
