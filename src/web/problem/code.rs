//! The API's problem codes, with the status, title and detail of each. No other module spells a code.
//!
//! Programs rely on a code, so its meaning never changes. Title and detail are for people; a handler may replace the
//! detail with a more precise one.

use actix_web::http::StatusCode;

use crate::domain::Refusal;

/// The status and texts of a [`Code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The code as programs see it: `sold_out`.
    pub name: &'static str,
    /// The HTTP status of the response.
    pub status: StatusCode,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What to do now, in a sentence or two.
    pub detail: &'static str,
}

/// Expands the table to the enum, [`Code::ALL`] and [`Code::meaning`], so that no code can lack a row.
macro_rules! codes {
    ($($variant:ident $name:tt $status:ident $title:literal $detail:literal;)+) => {
        /// What went wrong, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code's row of the table.
            #[must_use]
            pub const fn meaning(self) -> Meaning {
                match self {
                    $(Self::$variant => Meaning {
                        name: $name, status: StatusCode::$status, title: $title, detail: $detail,
                    },)+
                }
            }

            /// The code with this name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.meaning().name == name)
            }
        }
    };
}

codes! {
    // The request could not be read.
    BadJson "bad_json" BAD_REQUEST "The body is not JSON"
        "Send one JSON object, as the documentation of this call shows.";
    BadQuery "bad_query" BAD_REQUEST "The query cannot be used"
        "Correct the parameters named in errors, or leave them out.";
    BadCursor "bad_cursor" BAD_REQUEST "The cursor is not one of ours"
        "Send next_cursor exactly as the page before this one gave it, with the same filters, or none to begin again.";
    BadId "bad_id" BAD_REQUEST "The id is not a UUID"
        "Ids look like 0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d: send the one that an earlier answer gave.";
    BadHeader "bad_header" BAD_REQUEST "A header cannot be read"
        "Correct the header that the detail names.";
    KeyMissing "key_missing" BAD_REQUEST "An Idempotency-Key is needed"
        "Send an Idempotency-Key header of 1 to 255 visible ASCII characters, such as a new UUID, and the same one when you repeat the request.";
    UpgradeNeeded "upgrade_needed" UPGRADE_REQUIRED "This address speaks WebSocket only"
        "Open it as a WebSocket: wss://…/api/v1/live?deal=ID.";
    BodyTooSlow "body_too_slow" REQUEST_TIMEOUT "The body took too long"
        "The server did not receive the whole body in time. Send it without pauses.";
    BodyTooLarge "body_too_large" PAYLOAD_TOO_LARGE "The body is too large"
        "Send a smaller body.";
    QueryTooLong "query_too_long" URI_TOO_LONG "The address is too long"
        "Send at most 4096 characters after the question mark.";
    WrongContentType "wrong_content_type" UNSUPPORTED_MEDIA_TYPE "The body must be JSON"
        "Send the header Content-Type: application/json.";
    Invalid "invalid" UNPROCESSABLE_ENTITY "Some fields are not right"
        "Correct the fields named in errors.";

    // Authentication and authorisation.
    NotSignedIn "not_signed_in" UNAUTHORIZED "This needs a token"
        "Send the header Authorization: Bearer TOKEN. POST /api/v1/tokens makes a token.";
    BadToken "bad_token" UNAUTHORIZED "This token is not valid"
        "It is mistyped, expired or revoked: make a new one with POST /api/v1/tokens.";
    WrongPassword "wrong_password" UNAUTHORIZED "E-mail address or password is wrong"
        "Check both. If there is no account yet, make one with POST /api/v1/accounts.";
    WrongRole "wrong_role" FORBIDDEN "This account may not do that"
        "Use an account that is staff of a merchant. POST /api/v1/accounts with the role merchant makes one.";
    ScopeMissing "scope_missing" FORBIDDEN "This token may not do that"
        "Use a token with the scope that the detail names, or one without limits.";
    WrongOrigin "wrong_origin" FORBIDDEN "Another site sent this request"
        "Send it from a page of this site, or with a token instead of a cookie.";

    // Not found.
    NoSuchRoute "no_such_route" NOT_FOUND "There is nothing at this address"
        "See /api/docs for the addresses that exist.";
    WrongMethod "wrong_method" METHOD_NOT_ALLOWED "This address does not take this method"
        "Use one of the methods in the Allow header.";
    NoSuchDeal "no_such_deal" NOT_FOUND "There is no such deal"
        "It does not exist, or is somebody else's draft: look for deals with GET /api/v1/deals.";
    NoSuchSignup "no_such_signup" NOT_FOUND "You have no such signup"
        "GET /api/v1/signups lists yours.";
    NoSuchCoupon "no_such_coupon" NOT_FOUND "You have no such coupon"
        "GET /api/v1/coupons lists yours.";
    NoSuchToken "no_such_token" NOT_FOUND "You have no such token"
        "GET /api/v1/tokens lists yours.";
    UnknownCode "unknown_code" NOT_FOUND "None of your coupons has this code"
        "Read the code again: it has 17 letters and digits, and belongs to one of your own deals.";

    // Accounts and deals.
    EmailTaken "email_taken" CONFLICT "There is an account with this e-mail address"
        "Sign in to it, or use another address.";
    IfMatchMissing "if_match_missing" PRECONDITION_REQUIRED "An If-Match is needed"
        "GET the deal, and send its ETag in an If-Match header, so that nobody else's change is lost.";
    DealChanged "deal_changed" PRECONDITION_FAILED "The deal was changed meanwhile"
        "GET the deal again, and repeat your change with its new ETag.";
    AlreadyPublished "already_published" CONFLICT "The deal is published"
        "Buyers rely on its terms: only its title and description can still change.";
    NotDraft "not_draft" CONFLICT "The deal is not a draft"
        "Only drafts can be published, and each once.";
    WindowOver "window_over" CONFLICT "The deal would be over at once"
        "Move closes_at into the future, then publish.";
    Ended "ended" CONFLICT "The deal has ended"
        "Only a draft, an open deal or a tipped deal can be withdrawn.";

    // Joining and leaving.
    SoldOut (Refusal::SoldOut.word()) CONFLICT "The deal is sold out"
        "Every unit is taken, and buyers cannot leave a deal that has tipped.";
    NotEnoughLeft (Refusal::NotEnoughLeft { available: 0 }.word()) CONFLICT "Fewer units may be taken"
        "Ask for at most as many units as available says.";
    PlacesHeld (Refusal::PlacesHeld.word()) CONFLICT "The last places are being taken"
        "Repeat the request with the same key after the time in Retry-After: a place may come free.";
    BuyerLimit (Refusal::BuyerLimit { max: 0 }.word()) CONFLICT "You have as many units as one buyer may have"
        "Ask for fewer units: all your signups in this deal count together.";
    NotOpen (Refusal::NotOpen.word()) CONFLICT "The deal is not open yet"
        "Join after its opens_at.";
    Closed (Refusal::Closed.word()) CONFLICT "The deal is over"
        "Its window is over, or it was withdrawn: nothing can be joined or left any more.";
    KeyReused (Refusal::KeyReused.word()) UNPROCESSABLE_ENTITY "This key named another request"
        "Repeat a request unchanged, or send a new Idempotency-Key for a new one.";
    OwnDeal (Refusal::OwnDeal.word()) CONFLICT "This is a deal of your own merchant"
        "The staff of a merchant cannot join its deals. Join with an account that is not on its staff.";
    AlreadyTipped "already_tipped" CONFLICT "The deal is on"
        "Leaving was possible until the deal tipped; your coupons are on their way.";
    Pending "pending" CONFLICT "The signup is still being recorded"
        "Try again after the time in Retry-After.";

    // Coupons.
    AlreadyRedeemed "already_redeemed" CONFLICT "This coupon was redeemed before"
        "Each coupon counts once; redeemed_at and redeemed_where say when and where it did.";
    CouponExpired "coupon_expired" CONFLICT "This coupon has expired"
        "It was good until its expires_at.";
    CouponVoid "coupon_void" CONFLICT "This coupon is void"
        "Its deal was withdrawn.";

    // Rate limits, overload and defects.
    TooManyRequests "too_many_requests" TOO_MANY_REQUESTS "Too many requests"
        "Wait for as long as Retry-After says.";
    TooManyWrongCodes "too_many_wrong_codes" TOO_MANY_REQUESTS "Too many wrong codes"
        "Wait for as long as Retry-After says, then type carefully.";
    TooManySockets "too_many_sockets" TOO_MANY_REQUESTS "Too many live sockets from this address"
        "Close some, then try again.";
    Busy "busy" SERVICE_UNAVAILABLE "The server is overloaded"
        "Nothing was done. Repeat the request after the time in Retry-After.";
    Unavailable "unavailable" SERVICE_UNAVAILABLE "The database does not answer"
        "Repeat the request after the time in Retry-After; send the same Idempotency-Key if it had one.";
    Internal "internal" INTERNAL_SERVER_ERROR "Something broke on our side"
        "It was logged. Repeat the request later.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_has_a_unique_name_and_parses_from_it() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.meaning().name).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| Code::parse(code.meaning().name) == Some(*code)));
    }

    #[test]
    fn every_code_has_an_error_status_and_a_detail_that_is_a_sentence() {
        for code in Code::ALL {
            let meaning = code.meaning();
            assert!(meaning.status.is_client_error() || meaning.status.is_server_error(), "{}", meaning.name);
            assert!(meaning.detail.ends_with('.') && !meaning.title.ends_with('.'), "{}", meaning.name);
        }
    }
}
