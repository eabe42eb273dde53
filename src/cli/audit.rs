//! `muster audit`: does everything hold that was promised?

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::ProgressBar;
use muster::domain::DealId;
use muster::engine::{AuditOptions, AuditOutcome, AuditReport, AuditStep};
use muster::startup;

use super::settings::SettingsArgs;
use super::style;

/// Something does not hold.
const FOUND: u8 = 1;
/// Not everything could be looked at.
const COULD_NOT_LOOK: u8 = 2;

/// Arguments of `muster audit`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Look at this deal only
    #[arg(long, value_name = "ID")]
    deal: Option<DealId>,
    /// Compare what a client wrote down, too (`muster crowd --log FILE` does); may be given several times
    #[arg(long = "log", value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// Print JSON, as GET /audit answers it
    #[arg(long)]
    json: bool,
}

/// Looks at everything and prints the table. The exit code says what became of it.
pub async fn run(args: Args) -> ExitCode {
    let json = args.json;
    let printed = match look(args).await {
        Ok(report) if json => serde_json::to_string_pretty(&report).map(|text| (text, report)).map_err(Into::into),
        Ok(report) => Ok((report.to_string(), report)),
        Err(error) => Err(error),
    };
    match printed {
        Ok((text, report)) => {
            println!("{text}");
            match report.outcome() {
                AuditOutcome::Clean => ExitCode::SUCCESS,
                AuditOutcome::Found => FOUND.into(),
                AuditOutcome::CouldNotLook => COULD_NOT_LOOK.into(),
            }
        }
        Err(error) => {
            eprintln!("muster: {error:#}");
            COULD_NOT_LOOK.into()
        }
    }
}

async fn look(args: Args) -> anyhow::Result<AuditReport> {
    let (engine, ..) = startup::engine(&args.settings.load()?).await?;
    let options = AuditOptions { deal: args.deal, logs: args.logs, ..AuditOptions::default() };
    let bar = ProgressBar::new(0).with_style(style::bar());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("deals");
    let report = engine.audit(&options, |step| match step {
        AuditStep::Deals { done, total } => {
            bar.set_length(total);
            bar.set_position(done);
        }
        AuditStep::LookingAgain(at) => bar.set_message(format!("looking again at {at} things in Redis")),
        AuditStep::Logs => bar.set_message("reading signups"),
    });
    let report = report.await;
    bar.finish_and_clear();
    Ok(report?)
}
