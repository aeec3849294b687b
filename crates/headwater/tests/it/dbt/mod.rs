//! A dbt project as its user wrote it, and all that they may say of it.

mod artefacts;
mod changes;
mod corner_shop;
mod deps;
mod documentation;
mod features;
mod late;
mod materializations;
mod refused;
mod shop;
mod utils;
mod verbs;

pub(crate) use corner_shop::copy;
