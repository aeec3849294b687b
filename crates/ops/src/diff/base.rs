//! The project as it was at a revision: its files from git in a folder of their own, compiled beside the same lake.
//!
//! Nothing in the user's repository is touched: the files come from `git archive`. Packages are not in git; those that are
//! installed now stand in for those that were.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use headwater_plan::{Code, Diagnostic, Diagnostics, Plan};
use headwater_project::Request;
use tokio::process::Command;

use crate::Context;
use crate::deps::tar::unpack_plain;
use crate::error::OpsError;
use crate::project::compile_beside;

/// What the project was.
pub(super) struct Base {
    pub(super) plan: Arc<Plan>,
    pub(super) commit: String,
}

/// Compiles the project as it was.
pub(super) async fn at(context: &Context, now: &Request, revision: &str) -> Result<Base, Diagnostics> {
    if revision.starts_with('-') {
        return Err(unknown(revision).into());
    }
    let commit = git(&now.dir, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]).await?;
    let Some(commit) = commit.map(|text| String::from_utf8_lossy(&text).trim().to_owned()) else {
        return Err(unknown(revision).into());
    };
    let Some(archive) = git(&now.dir, &["archive", "--format=tar", &commit]).await? else {
        let message = format!("at `{revision}` there was nothing in the project's folder");
        return Err(Diagnostic::error(Code::InvalidArgument, message).into());
    };
    let folder =
        tempfile::tempdir().map_err(|source| OpsError::Unwritable { path: "a temporary folder".into(), source })?;
    let dir = std::fs::canonicalize(folder.path())
        .map_err(|source| OpsError::Unreadable { path: folder.path().to_owned(), source })?;
    let unreadable = |source| OpsError::Unreadable { path: dir.clone(), source };
    unpack_plain(&archive[..], &dir, false).map_err(unreadable)?;
    let packages = headwater_project::project(now)?.dbt.map(|dbt| dbt.folders).unwrap_or_default().packages;
    let (installed, place) = (now.dir.join(&packages), dir.join(&packages));
    if installed.is_dir() && !place.exists() {
        #[cfg(unix)]
        std::os::unix::fs::symlink(&installed, &place).map_err(unreadable)?;
    }
    let request = Request { dir: dir.clone(), ..now.clone() };
    let compiled = compile_beside(context, request, now).await;
    let project = compiled.map_err(|mut wrong| {
        for diagnostic in &mut wrong.0 {
            diagnostic.message = format!("at `{revision}`: {}", diagnostic.message);
        }
        wrong
    })?;
    Ok(Base { plan: project.plan, commit })
}

fn unknown(revision: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidArgument, format!("the repository has no revision `{revision}`"))
        .help("`--base` names a branch, a tag or a commit: `--base main`")
}

/// The standard output of git in a folder; `None` if it says no.
async fn git(dir: &Path, arguments: &[&str]) -> Result<Option<Vec<u8>>, Diagnostic> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(dir).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| {
        Diagnostic::error(Code::InvalidArgument, "cannot start `git`, which knows what the project was")
            .help("`--base` needs git")
            .caused_by(&error)
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("not a git repository") {
        return Err(Diagnostic::error(Code::InvalidArgument, "the project is in no git repository")
            .help("`--base` compares with a revision of git"));
    }
    Ok(output.status.success().then_some(output.stdout))
}
