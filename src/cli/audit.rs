//! `muster audit`: checks every invariant.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::ProgressBar;
use muster::app::startup;
use muster::domain::DealId;
use muster::engine::{AuditOptions, AuditOutcome, AuditReport, AuditStep};

use super::settings::SettingsArgs;
use super::style;

/// Exit code: an invariant is broken.
const BROKEN: u8 = 1;
/// Exit code: not every invariant could be checked.
const NOT_CHECKED: u8 = 2;

/// Arguments of `muster audit`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Check only this deal
    #[arg(long, value_name = "ID")]
    deal: Option<DealId>,
    /// Also compare the answers in this client log, as written by `muster crowd --log FILE`; repeatable
    #[arg(long = "log", value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// Print JSON, in the format of GET /audit
    #[arg(long)]
    json: bool,
}

/// Runs the audit, prints its report and returns the exit code.
pub async fn run(args: Args) -> ExitCode {
    let json = args.json;
    let printed = match audit(args).await {
        Ok(report) if json => serde_json::to_string_pretty(&report).map(|text| (text, report)).map_err(Into::into),
        Ok(report) => Ok((report.to_string(), report)),
        Err(error) => Err(error),
    };
    match printed {
        Ok((text, report)) => {
            println!("{text}");
            match report.outcome() {
                AuditOutcome::Clean => ExitCode::SUCCESS,
                AuditOutcome::Found => BROKEN.into(),
                AuditOutcome::CouldNotLook => NOT_CHECKED.into(),
            }
        }
        Err(error) => {
            eprintln!("muster: {error:#}");
            NOT_CHECKED.into()
        }
    }
}

async fn audit(args: Args) -> anyhow::Result<AuditReport> {
    let (engine, ..) = startup::engine(&args.settings.load()?).await?;
    let options = AuditOptions { deal: args.deal, logs: args.logs, ..AuditOptions::default() };
    let bar = ProgressBar::new(0).with_style(style::bar());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("deals");
    let report = engine.audit().run(&options, |step| match step {
        AuditStep::Deals { done, total } => {
            bar.set_length(total);
            bar.set_position(done);
        }
        AuditStep::Rechecking(suspects) => bar.set_message(format!("rechecking {suspects} differences in Redis")),
        AuditStep::Logs => bar.set_message("comparing client logs"),
    });
    let report = report.await;
    bar.finish_and_clear();
    Ok(report?)
}
