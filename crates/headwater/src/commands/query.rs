//! `headwater query`.

use std::io::{self, Read, Write};

use futures::StreamExt;
use headwater_ops::query as ops;
use headwater_ops::query::Rows;
use headwater_ops::rows::{self, RowsFormat as FileFormat};
use headwater_plan::diagnostic::did_you_mean;
use headwater_plan::{Cancel, Code, Diagnostic};

use super::Outcome;
use crate::cli::{Plot, QueryArgs, RowsFormat};
use crate::console::{Console, Failure};
use crate::render::number::counted;
use crate::render::{chart, rows as render};
use crate::world::World;

pub(super) async fn query(console: &Console, world: &World, args: QueryArgs) -> Outcome {
    let context = world.context(&args.project, None)?;
    let form = form(&args)?;
    let sql = if args.sql == "-" { read_standard_input()? } else { args.sql.clone() };
    let answer = ops::query(&context, &sql).await?;
    match form {
        Form::Table => table(console, answer, args.limit).await,
        Form::Plot(plot) => draw(console, answer, &plot, args.limit).await,
        Form::Output(format) => standard_output(answer, format).await,
        Form::File(format, path) => {
            let path = world.path(&path);
            let count = rows::write_file(answer, format, &path, &Cancel::default()).await?;
            let shown = crate::render::project::shown(&path, &world.folder);
            console.say(&format!("{} written to {shown}\n", counted(count, "row")));
            Ok(0)
        }
    }
}

/// Writes rows to standard output.
pub(super) async fn write(console: &Console, answer: Rows, format: RowsFormat) -> Outcome {
    match file_format(format) {
        None => table(console, answer, 0).await,
        Some(format) => standard_output(answer, format).await,
    }
}

/// The form for other programs; none for a table for people.
fn file_format(format: RowsFormat) -> Option<FileFormat> {
    match format {
        RowsFormat::Table => None,
        RowsFormat::Csv => Some(FileFormat::Csv),
        RowsFormat::Json => Some(FileFormat::Json),
        RowsFormat::Parquet => Some(FileFormat::Parquet),
    }
}

/// Where the rows go.
enum Form {
    Table,
    Plot(Plot),
    Output(FileFormat),
    File(FileFormat, std::path::PathBuf),
}

fn form(args: &QueryArgs) -> Result<Form, Diagnostic> {
    if let Some(plot) = &args.plot {
        return Ok(Form::Plot(plot.clone()));
    }
    let named = match args.format {
        None => None,
        Some(RowsFormat::Table) if args.output.is_some() => {
            return Err(Diagnostic::error(Code::InvalidArgument, "`--output` writes no tables for people")
                .help("write `--format csv`, `json` or `parquet`"));
        }
        Some(format) => file_format(format),
    };
    match (&args.output, named) {
        (None, None) => Ok(Form::Table),
        (None, Some(format)) => Ok(Form::Output(format)),
        (Some(path), named) => {
            let format = named.or_else(|| FileFormat::of_file(path)).ok_or_else(|| {
                Diagnostic::error(Code::InvalidArgument, format!("the form of `{}` is not clear", path.display()))
                    .help("end its name in `.csv`, `.json` or `.parquet`, or say `--format`")
            })?;
            Ok(Form::File(format, path.clone()))
        }
    }
}

fn read_standard_input() -> Result<String, Diagnostic> {
    let mut sql = String::new();
    io::stdin().read_to_string(&mut sql).map_err(|error| {
        Diagnostic::error(Code::UnreadableInput, "cannot read the query from standard input").caused_by(&error)
    })?;
    Ok(sql)
}

async fn table(console: &Console, answer: Rows, limit: usize) -> Outcome {
    let schema = answer.schema.clone();
    let (batches, more) = first(answer, limit).await?;
    let table = render::table(&schema, &batches);
    let (text, hidden) = table.render(console.out);
    console.data(&text)?;
    let mut told = if more {
        format!("first {}; `--limit 0` shows all", counted(table.len() as u64, "row"))
    } else {
        counted(table.len() as u64, "row")
    };
    if hidden > 0 {
        told += &format!("; {} left out for width", counted(hidden as u64, "column"));
    }
    console.say(&format!("{}\n", console.err.dim(told)));
    Ok(0)
}

async fn draw(console: &Console, answer: Rows, plot: &Plot, limit: usize) -> Outcome {
    let schema = answer.schema.clone();
    let column = |name: &str| {
        schema.fields.iter().position(|field| field.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let unknown = format!("the query has no column `{name}` to plot");
            let help = match did_you_mean(name, schema.names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("it has {}", schema.names().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
            };
            Diagnostic::error(Code::UnknownColumn, unknown).help(help)
        })
    };
    let (x, y) = (column(&plot.x)?, column(&plot.y)?);
    let values = schema.fields.get(y).filter(|field| field.data_type.is_numeric());
    if values.is_none() {
        let data_type = schema.fields.get(y).map(|field| field.data_type.to_string()).unwrap_or_default();
        let message = format!("cannot draw bars of `{}`: it is `{data_type}`, expected a number", plot.y);
        return Err(Diagnostic::error(Code::TypeMismatch, message).into());
    }
    let (batches, more) = first(answer, limit).await?;
    let bars = render::bars(&batches, (x, y));
    console.data(&chart::bars(&format!("{} by {}", plot.y, plot.x), &bars, console.out))?;
    if more {
        let told = format!("first {}; `--limit 0` shows all", counted(bars.len() as u64, "row"));
        console.say(&format!("{}\n", console.err.dim(told)));
    }
    Ok(0)
}

/// The first rows, all if `limit` is 0, and whether there are more.
async fn first(mut answer: Rows, limit: usize) -> Result<(Vec<arrow::array::RecordBatch>, bool), Failure> {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let (mut batches, mut count) = (Vec::new(), 0_usize);
    while let Some(batch) = answer.stream.next().await {
        let batch = batch?;
        let room = limit - count;
        if batch.num_rows() > room {
            batches.push(batch.slice(0, room));
            return Ok((batches, true));
        }
        count += batch.num_rows();
        batches.push(batch);
    }
    Ok((batches, false))
}

async fn standard_output(answer: Rows, format: FileFormat) -> Outcome {
    let mut out = Out { stdout: io::BufWriter::new(io::stdout()), closed: false };
    let written = rows::write(answer, format, &mut out, &Cancel::default()).await;
    if out.closed {
        // What was not written yet has no reader either.
        let _ = out.stdout.into_parts();
        return Err(Failure::Output(io::ErrorKind::BrokenPipe.into()));
    }
    written?;
    Ok(0)
}

/// Standard output that remembers that its reader went away, whatever the writers above make of the error.
struct Out {
    stdout: io::BufWriter<io::Stdout>,
    closed: bool,
}

impl Out {
    fn heard<T>(&mut self, answer: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &answer {
            self.closed |= error.kind() == io::ErrorKind::BrokenPipe;
        }
        answer
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let answer = self.stdout.write(bytes);
        self.heard(answer)
    }

    fn flush(&mut self) -> io::Result<()> {
        let answer = self.stdout.flush();
        self.heard(answer)
    }
}
