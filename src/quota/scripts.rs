//! The scripts of `lua/`, compiled into the binary. Each file's header lists its keys, arguments, replies and writes.

use std::sync::LazyLock;

use redis::Script;

macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!(concat!("../../lua/", $file))),+)));
    };
}

script!(ADMIT, "holds.lua", "admit.lua");
script!(APPLY, "holds.lua", "apply.lua");
script!(RELEASE, "holds.lua", "release.lua");
script!(RENEW, "renew.lua");
script!(LOAD_BEGIN, "load_begin.lua");
script!(LOAD_BUYERS, "load_buyers.lua");
script!(LOAD_FINISH, "load_finish.lua");
script!(RATE_LIMIT, "rate_limit.lua");

/// A cap as a script argument; empty without a cap.
pub(super) fn cap(cap: Option<u32>) -> String {
    cap.map(|cap| cap.to_string()).unwrap_or_default()
}
