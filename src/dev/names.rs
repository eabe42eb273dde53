//! Invented names of people, for the lists that merchants see.

const FIRST_NAMES: [&str; 40] = [
    "Ada", "Amir", "Ana", "Anouk", "Bayu", "Bruno", "Carla", "Chidi", "Dewi", "Elif", "Emre", "Esi", "Femi", "Freya",
    "Gita", "Hana", "Hugo", "Irma", "Ivo", "Jonas", "Kaia", "Kenji", "Lina", "Lucia", "Malik", "Mei", "Mila", "Nadia",
    "Nils", "Oren", "Pia", "Rafa", "Rosa", "Sari", "Tariq", "Tess", "Uma", "Vera", "Yusuf", "Zoe",
];
const LAST_NAMES: [&str; 30] = [
    "Adeyemi",
    "Aksoy",
    "Almeida",
    "Berg",
    "Castillo",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Gunawan",
    "Haddad",
    "Ibarra",
    "Jansen",
    "Kaya",
    "Kim",
    "Kovač",
    "Lindqvist",
    "Martín",
    "Mbeki",
    "Mori",
    "Nakamura",
    "Novak",
    "Okafor",
    "Oliveira",
    "Petrov",
    "Rahman",
    "Rossi",
    "Santoso",
    "Tan",
    "Weber",
];

/// The first and last name of the person with this number. Consecutive numbers have different first names.
pub(super) fn first_and_last(number: usize) -> (&'static str, &'static str) {
    let [ada, ..] = FIRST_NAMES;
    let [adeyemi, ..] = LAST_NAMES;
    let first = FIRST_NAMES.get(number % FIRST_NAMES.len()).copied().unwrap_or(ada);
    let last = LAST_NAMES.get(number / 7 % LAST_NAMES.len()).copied().unwrap_or(adeyemi);
    (first, last)
}
