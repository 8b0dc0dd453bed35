"""What synthetic people are called, where they live, and what they do."""

from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = _words(
    """
    Marie Louis Elena Jun Aisha Mateo Sofia Omar Ingrid Rahul Chloé Zoë Björn Łukasz Siobhán Nguyễn Fatima Pedro
    Hanna Kenji Priya Diego Amélie Thandi Yusuf Greta Marco Anneliese Ravi Venkatesh Olga Tomás Leila Henrik
    Beatriz Ivan Mei Noah Emma Liam Ava Lucas Mia Ethan Isla Oliver Freya Arjun Ananya Kofi Ama Sven Astrid Pablo
    Lucía Hiroshi Yuki Ahmed Layla Giulia Paolo Katarzyna Piotr
    """
)
FAMILY = _words(
    """
    Schröder Schmidt Schneider Schulz Schumacher Schreiber Scholz Schubert Schwarz Schäfer Müller Meyer Weber
    Fischer Becker Hoffmann Wagner Koch Richter Klein Wolf Neumann Braun Zimmermann Krüger Hartmann Lange Krause
    Lehmann García Martínez López Sánchez Pérez Gómez Fernández Díaz Ruiz Álvarez Moreno Muñoz Romero Alonso
    Navarro Torres Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Smith Johnson Williams
    Brown Jones Miller Davis Wilson Anderson Taylor Thomas Moore Jackson Martin Lee Thompson White Harris Clark
    Lewis Robinson Walker Young Allen King Wright Sharma Patel Singh Kumar Gupta Reddy Iyer Nair Das Mehta Tanaka
    Suzuki Takahashi Watanabe Itō Yamamoto Nakamura Kobayashi Nguyen Tran Le Pham Kim Park Choi Jung Silva Santos
    Oliveira Souza Lima Pereira Costa Almeida Dubois Durand Leroy Moreau Laurent Lefebvre Michel Roux Nowak
    Kowalski Wiśniewski Wójcik Kamiński Andersson Johansson Karlsson Nilsson Eriksson O'Brien O'Connor Murphy
    Kelly Byrne Ryan Walsh Okafor Mensah Diallo Traoré Abebe Yılmaz Kaya Demir Çelik Haddad Nasser Papadopoulos
    Georgiou Lannister Ioannou
    """
)
COMPANY = _words(
    """
    Northwind Contoso Acme Globex Initech Umbra Sakura Baltic Alpine Meridian Aurora Cobalt Lumen Vertex Orion
    Delta Harbor Summit Cascade Pioneer Granite Ember Willow Falcon Beacon Quartz Solstice Juniper Atlas Nimbus
    """
)
TRADE = _words("Robotics Logistics Foods Energy Telecom Media Pharma Textiles Optics Motors Software Trading")
FORM = _words("GmbH Ltd Inc. S.A. AB Oy B.V. K.K.")
JOBS = ("Head of Sales", "Engineer", "Accountant", "Buyer", "Director", "Assistant", "Analyst", "Consultant")
DEPARTMENTS = ("Sales", "Engineering", "Finance", "Purchasing", "Board", "Support")
INDUSTRIES = ("Software", "Telecom", "Food", "Energy", "Retail", "Health", "Finance", "Education", "Transport")
STATUSES = ("New", "Contacted", "Qualified", "Lost")
SOURCES = ("Trade fair", "Website", "Referral", "Cold call", "Partner")


@dataclass(frozen=True, slots=True)
class Place:
    """A city with what its streets, postal codes and telephone numbers look like."""

    city: str
    country: str
    country_name: str
    street: str
    postal: str
    landline: str
    mobile: str
    language: str


PLACES = (
    Place("Berlin", "DE", "Germany", "Torstraße", "10119", "+49 30 90{:06d}", "+49 151 2{:07d}", "de"),
    Place("München", "DE", "Germany", "Leopoldstraße", "80802", "+49 89 23{:06d}", "+49 171 3{:06d}", "de"),
    Place("Hamburg", "DE", "Germany", "Elbchaussee", "22763", "+49 40 42{:06d}", "+49 160 9{:07d}", "de"),
    Place("Paris", "FR", "France", "Rue de Rivoli", "75004", "+33 1 4{:07d}", "+33 6 1{:07d}", "fr"),
    Place("Lyon", "FR", "France", "Rue Mercière", "69002", "+33 4 7{:07d}", "+33 6 2{:07d}", "fr"),
    Place("London", "GB", "United Kingdom", "Fleet Street", "EC4Y 1AA", "+44 20 7{:07d}", "+44 7400 1{:05d}", "en"),
    Place("Madrid", "ES", "Spain", "Calle de Alcalá", "28014", "+34 91{:07d}", "+34 61{:07d}", "es"),
    Place("Roma", "IT", "Italy", "Via del Corso", "00186", "+39 06 4{:07d}", "+39 347 {:07d}", "it"),
    Place("Warszawa", "PL", "Poland", "Nowy Świat", "00-363", "+48 22 8{:06d}", "+48 60{:07d}", "pl"),
    Place("Stockholm", "SE", "Sweden", "Drottninggatan", "111 51", "+46 8 5{:07d}", "+46 70 {:07d}", "sv"),
    Place("Bengaluru", "IN", "India", "HSR Layout", "560102", "+91 80 4{:07d}", "+91 98{:08d}", "en"),
    Place("Tokyo", "JP", "Japan", "Chūō-dōri", "104-0061", "+81 3 3{:07d}", "+81 90 1{:07d}", "ja"),
    Place("New York", "US", "United States", "Broadway", "10007", "+1 212 55{:05d}", "+1 646 55{:05d}", "en"),
    Place("São Paulo", "BR", "Brazil", "Avenida Paulista", "01310-100", "+55 11 3{:07d}", "+55 11 9{:08d}", "pt"),
    Place("Κύπρος Λεμεσός", "CY", "Cyprus", "Ανεξαρτησίας", "3036", "+357 25{:06d}", "+357 99{:06d}", "el"),
)

DIGITS = {
    "+49 171 3{:06d}": 6, "+49 30 90{:06d}": 6, "+49 89 23{:06d}": 6, "+49 40 42{:06d}": 6, "+44 7400 1{:05d}": 5,
    "+48 22 8{:06d}": 6, "+91 98{:08d}": 8, "+1 212 55{:05d}": 5, "+1 646 55{:05d}": 5, "+55 11 9{:08d}": 8,
    "+357 25{:06d}": 6, "+357 99{:06d}": 6,
}  # fmt: skip
"""How many digits a pattern ends in, where it is not seven."""
