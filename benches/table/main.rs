//! The benchmark table: Muster beside a naive peer, on the same servers, under the same load, in alternating rounds.
//!
//! `make bench` measures every row; `make bench ARGS="--only hot,quiet"` measures some. Results go to `target/bench/`
//! as Markdown and JSON. Rows that were not measured keep their earlier results. Every server listens on loopback and
//! stops with this program. Compare the ratios: the load generator shares the machine with everything else.
#![allow(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "figures, not money")]
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod client;
mod latency;
mod live;
mod pages;
mod peers;
mod program;
mod report;
mod rush;
mod settling;
mod sockets;
mod stand;
mod wrk;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use report::{Figure, Report};
use stand::Stand;

/// Measures Muster.
#[derive(Parser, Clone)]
pub struct Args {
    /// Only these rows, by their names, separated by commas
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Rounds of each measurement; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds per round
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Signups in the table of the row `full`
    #[arg(long, default_value_t = 1_000_000)]
    signups: u64,
    /// Coupons of the row `settle`
    #[arg(long, default_value_t = 100_000)]
    coupons: u64,
    /// Sockets of the live rows
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    /// The folder with the peers that Muster is compared with
    #[arg(long, env = "PEERS", default_value = "../shared/bench")]
    peers: PathBuf,
    /// The folder for the results
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Passed by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The names for `--only`, in the order of the table. Some measure two or three rows.
const ROWS: [&str; 13] = [
    "hot", "redis", "many", "full", "sold_out", "quiet", "half", "overload", "settle", "sockets", "fanout", "churn",
    "pages",
];

fn main() -> Result<()> {
    let args = Args::parse();
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            measured = Box::pin(measure(args)) => measured,
            // Dropping the stand stops everything that it started.
            _ = tokio::signal::ctrl_c() => anyhow::bail!("stopped"),
        }
    })
}

async fn measure(args: Args) -> Result<()> {
    stand::raise_limits(args.sockets);
    let rows: Vec<&str> =
        ROWS.into_iter().filter(|row| args.only.is_empty() || args.only.iter().any(|wanted| wanted == row)).collect();
    anyhow::ensure!(!rows.is_empty(), "the rows are {}", ROWS.join(", "));
    let mut report = Report::open(&args.out)?;
    let bar = ProgressBar::new(rows.len() as u64)
        .with_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")?);
    bar.enable_steady_tick(std::time::Duration::from_millis(250));
    for row in rows {
        bar.set_message(format!("{row}: starting servers"));
        // Each measurement gets fresh servers, so earlier ones do not affect it.
        let mut stand = Stand::start(&args, bar.clone(), row).await.context("starting the servers")?;
        let measured: Result<Vec<Figure>> = match row {
            "hot" => rush::hot(&mut stand).await,
            "redis" => rush::redis(&mut stand).await,
            "many" => rush::many(&mut stand).await,
            "full" => rush::full(&mut stand).await,
            "sold_out" => rush::sold_out(&mut stand).await,
            "quiet" => latency::quiet(&mut stand).await,
            "half" => latency::half(&mut stand).await,
            "overload" => latency::overload(&mut stand).await,
            "settle" => settling::settle(&mut stand).await,
            "sockets" => live::sockets(&mut stand).await,
            "fanout" => live::fanout(&mut stand).await,
            "churn" => live::churn(&mut stand).await,
            _ => pages::pages(&mut stand).await,
        };
        let log = if measured.is_err() { stand.keep_log(&args.out).ok() } else { None };
        stand.stop().await;
        match measured {
            Ok(figures) => {
                for figure in figures {
                    bar.suspend(|| println!("{}", figure.line()));
                    report.put(figure);
                }
            }
            Err(error) => bar.suspend(|| {
                println!("{row}: could not be measured: {error:#}");
                if let Some(log) = log {
                    println!("the node's log is in {}", log.display());
                }
            }),
        }
        report.write()?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{}", report.markdown());
    println!("also in {}", args.out.join("table.md").display());
    Ok(())
}
