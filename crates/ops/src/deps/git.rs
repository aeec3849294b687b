//! Fetching packages with the `git` program, as dbt does: whatever access the user has set up for it is used.

use std::path::Path;
use std::process::Stdio;

use headwater_plan::{Code, Diagnostic, Fault, Secret};
use tokio::process::Command;

/// A repository: its address, which may hold a token, and how it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remote<'a> {
    pub(super) url: &'a Secret,
    pub(super) shown: &'a str,
}

/// Checks a revision of a repository out into a folder that is not there yet: a branch, a tag or a commit; the branch
/// that the repository itself names if none is given. The answer is the commit's whole name.
pub(super) async fn checkout(remote: Remote<'_>, revision: Option<&str>, into: &Path) -> Result<String, Diagnostic> {
    let folder = into.display().to_string();
    git(&["init", "--quiet", &folder], None, remote).await?;
    git(&["remote", "add", "origin", remote.url.expose()], Some(into), remote).await?;
    let wanted = revision.unwrap_or("HEAD");
    let shallow = ["fetch", "--quiet", "--depth", "1", "origin", wanted];
    if git(&shallow, Some(into), remote).await.is_ok() {
        git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"], Some(into), remote).await?;
    } else {
        // A server need not give a commit by its name, and never by the beginning of it: then all of it is fetched.
        let all = ["fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"];
        git(&all, Some(into), remote).await?;
        let local = git(&["checkout", "--quiet", "--detach", wanted], Some(into), remote).await;
        if local.is_err() {
            let branch = format!("origin/{wanted}");
            let found = git(&["checkout", "--quiet", "--detach", &branch], Some(into), remote).await;
            found.map_err(|failed| Diagnostic {
                message: format!("`{}` has no branch, tag or commit `{wanted}`", remote.shown),
                help: Some("`revision:` in `packages.yml` names one".into()),
                fault: Fault::User,
                ..failed
            })?;
        }
    }
    Ok(git(&["rev-parse", "HEAD"], Some(into), remote).await?.trim().to_owned())
}

async fn git(arguments: &[&str], folder: Option<&Path>, remote: Remote<'_>) -> Result<String, Diagnostic> {
    let mut command = Command::new("git");
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    // Nobody is there to type a password.
    command.env("GIT_TERMINAL_PROMPT", "0");
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let output = command.output().await.map_err(|error| {
        Diagnostic::error(Code::PackageUnavailable, format!("cannot start `git`, which fetches `{}`", remote.shown))
            .help("install git, or name the package by `package:` or `tarball:`")
            .caused_by(&error)
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let mut failed = Diagnostic::error(Code::PackageUnavailable, format!("git cannot fetch `{}`", remote.shown))
        .fault(Fault::Outside)
        .help("`git ls-remote` of that address must work here");
    let said = String::from_utf8_lossy(&output.stderr).replace(remote.url.expose(), remote.shown);
    failed.causes.extend(said.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).take(5));
    Err(failed)
}
