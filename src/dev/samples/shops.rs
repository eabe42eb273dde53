//! The fictional shops that offer the sample deals.

/// A merchant of sample deals, and the place of its deals.
#[derive(Debug)]
pub struct Shop {
    pub name: &'static str,
    /// The local part of its e-mail address.
    pub handle: &'static str,
    pub city: &'static str,
    pub time_zone: &'static str,
    pub money: Local,
}

/// A currency and the local price level, which converts the dollar prices of real deals. It is not an exchange rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// ISO 4217 code.
    pub currency: &'static str,
    /// Whole units of the currency that correspond to 100 US dollars.
    pub per_hundred_dollars: u64,
    /// Prices are multiples of this many whole units.
    pub step: u64,
}

const USD: Local = Local { currency: "USD", per_hundred_dollars: 100, step: 1 };
const EUR: Local = Local { currency: "EUR", per_hundred_dollars: 90, step: 1 };
const GBP: Local = Local { currency: "GBP", per_hundred_dollars: 80, step: 1 };
const AUD: Local = Local { currency: "AUD", per_hundred_dollars: 140, step: 1 };
const NZD: Local = Local { currency: "NZD", per_hundred_dollars: 150, step: 1 };
const NOK: Local = Local { currency: "NOK", per_hundred_dollars: 1_000, step: 10 };
const JPY: Local = Local { currency: "JPY", per_hundred_dollars: 13_000, step: 50 };
const KRW: Local = Local { currency: "KRW", per_hundred_dollars: 130_000, step: 500 };
const IDR: Local = Local { currency: "IDR", per_hundred_dollars: 1_200_000, step: 5_000 };

macro_rules! shops {
    ($($constant:ident: $name:literal, $handle:literal, $city:literal, $zone:literal, $money:ident;)*) => {
        $(pub(super) const $constant: &Shop =
            &Shop { name: $name, handle: $handle, city: $city, time_zone: $zone, money: $money };)*

        #[cfg(test)]
        pub const SHOPS: &[&Shop] = &[$($constant),*];
    };
}

shops! {
    OFICINA: "Oficina do Largo", "oficina-do-largo", "Lisbon", "Europe/Lisbon", EUR;
    FORNO: "Forno di Vico Titina", "vico-titina", "Naples", "Europe/Rome", EUR;
    ROOFTOP: "Rooftop Reels", "rooftop-reels", "Melbourne", "Australia/Melbourne", AUD;
    KAWABATA: "Ramen Kawabata", "ramen-kawabata", "Osaka", "Asia/Tokyo", JPY;
    KEBUN: "Kebun Kopi Kang Asep", "kebun-kopi", "Bandung", "Asia/Jakarta", IDR;
    STEAMERS: "Canal Street Steamers", "canal-street-steamers", "New York", "America/New_York", USD;
    CERISIERS: "La Ferme des Cerisiers", "ferme-des-cerisiers", "Lyon", "Europe/Paris", EUR;
    MELATI: "Sanggar Melati", "sanggar-melati", "Yogyakarta", "Asia/Jakarta", IDR;
    STARGAZERS: "The Hill Stargazers", "hill-stargazers", "Edinburgh", "Europe/London", GBP;
    GRANITE: "Granite Room", "granite-room", "Seoul", "Asia/Seoul", KRW;
    QUARTET: "Quartett am Refektorium", "quartett-refektorium", "Vienna", "Europe/Vienna", EUR;
    LAKESIDE: "Rantasauna Aalto", "rantasauna-aalto", "Tampere", "Europe/Helsinki", EUR;
    SPOKE: "De Gouden Spaak", "de-gouden-spaak", "Amsterdam", "Europe/Amsterdam", EUR;
    MORGENROT: "Backstube Morgenrot", "backstube-morgenrot", "Berlin", "Europe/Berlin", EUR;
    TIDEWATER: "Tidewater Paddle", "tidewater-paddle", "Seattle", "America/Los_Angeles", USD;
    KETCH: "The Ketch Aroha", "ketch-aroha", "Auckland", "Pacific/Auckland", NZD;
    FJORD: "Fjordhytter Solvik", "fjordhytter-solvik", "Bergen", "Europe/Oslo", NOK;
}

/// The shop of the demo merchant, which has deals in most states and coupons to redeem.
pub const DEMO_SHOP: &Shop = OFICINA;
