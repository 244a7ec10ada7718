"""English words for numbers, signs, units and abbreviations."""

from __future__ import annotations

from tts_service.text.normalise.language import Currency, Noun, Signs, nouns, pairs

SIGNS = Signs(
    point="point",
    minus="minus",
    plus="plus",
    times="times",
    by="by",
    divided="divided by",
    equals="equals",
    percent="percent",
    to="to",
    and_="and",
    at="at",
    dot="dot",
    slash="slash",
    hyphen="dash",
    underscore="underscore",
    number="number",
    about="about",
)
_DIGITS = "zero one two three four five six seven eight nine"
DIGITS = _DIGITS.split()

_CENT = Noun("cent", "cents")
_MONEY = nouns("$ = dollar; US$ | USD = US dollar; € | EUR = euro; ₹ = rupee; CHF = Swiss franc")
CURRENCIES = {written: Currency(noun, _CENT) for written, noun in _MONEY.items()} | {
    "£": Currency(Noun("pound", "pounds"), Noun("penny", "pence")),
    "¥": Currency(Noun("yen", "yen"), _CENT),
    "¢": Currency(_CENT, _CENT),
}
MAGNITUDES = nouns(
    "hundred = hundred; thousand | k | K = thousand; million | mn | m | M = million; "
    "billion | bn | b | B = billion; trillion | tn | T = trillion",
    plural="",
)
UNITS = nouns("""
    km = kilometer; m = meter; cm = centimeter; mm = millimeter; nm = nanometer; mi = mile; yd = yard; ft = foot,
    feet; kg | kgs = kilogram; g = gram; mg = milligram; lb | lbs = pound; oz = ounce; l | L = liter;
    ml | mL = milliliter; gal = gallon; km² | km2 = square kilometer; m² | m2 = square meter; cm² | cm2 = square
    centimeter; m³ | m3 = cubic meter; ft² | sq ft = square foot, square feet; kB | KB = kilobyte; MB = megabyte;
    GB = gigabyte; TB = terabyte; W = watt; kW = kilowatt; MW = megawatt; V = volt; kcal = kilocalorie;
    cal = calorie; kWh = kilowatt hour; h | hr | hrs = hour; min | mins = minute; s | sec | secs = second;
    ms = millisecond; yr | yrs = year; wk | wks = week; ° = degree; km/h | kph = kilometer per hour, kilometers per
    hour; mph = mile per hour, miles per hour; m/s = meter per second, meters per second; Mbps = megabit per second,
    megabits per second; Hz = hertz, hertz; kHz = kilohertz, kilohertz; MHz = megahertz, megahertz; GHz = gigahertz,
    gigahertz; dB = decibel; °C | ° C | ºC | ℃ = degree Celsius, degrees Celsius; °F | ° F | ºF | ℉ = degree
    Fahrenheit, degrees Fahrenheit
""")
PER = pairs("""
    h | hr | hour = per hour; min | minute = per minute; s | sec | second = per second; day = per day; night = per
    night; week | wk = per week; month | mo = per month; year | yr = per year; person = per person; kg = per
    kilogram; lb = per pound; km = per kilometer; l = per liter; m² = per square meter
""")

_MONTHS = "January February March April May June July August September October November December"
MONTHS = _MONTHS.split()
_SHORT_MONTHS = {"Sept": 9} | {name[:3]: number for number, name in enumerate(MONTHS, start=1)}
MONTH_NAMES = _SHORT_MONTHS | {name: number for number, name in enumerate(MONTHS, start=1)}

# Before a name.
TITLES = pairs("""
    Dr = Doctor; Mr = Mister; Mrs = Missus; Ms = Miz; Prof = Professor; St = Saint; Mt = Mount; Ft = Fort;
    Rev = Reverend; Gen = General; Capt = Captain; Lt = Lieutenant; Sgt = Sergeant; Col = Colonel; Maj = Major;
    Adm = Admiral; Cmdr = Commander; Gov = Governor; Sen = Senator; Rep = Representative; Pres = President;
    Hon = Honorable
""")
# After a name.
STREETS = pairs("St = Street; Dr = Drive; Ave = Avenue; Blvd = Boulevard; Rd = Road; Ln = Lane; Hwy = Highway")
# Before a number.
NUMBERED = pairs("no = number; vol = volume; ch = chapter; fig = figure; sec = section; p = page")
SET_PHRASES = pairs("9/11 = nine eleven; 24/7 = twenty-four seven; 50/50 = fifty-fifty")
# After a number of four digits, which is then not a year.
COUNTED = (
    "people|persons|men|women|children|kids|students|words|pages|books|dollars|euros|pounds|yen|times|miles|meters|metres"
    "|kilometers|kilometres|feet|calories|steps|points|days|hours|minutes|seconds|years|cars|votes|members|employees|seats"
    "|copies|houses|apples|things|items|songs|photos|likes|followers|users|units|degrees|tons|tonnes|grams|liters|litres"
)
ABBREVIATIONS = pairs("""
    vs. | vs = versus; e.g. = for example; i.e. = that is; etc. = et cetera; approx. = approximately; a.k.a. = also
    known as; Jr. = Junior; Sr. = Senior; Inc. = Incorporated; Ltd. = Limited; Co. = Company; Corp. = Corporation;
    Bros. = Brothers; dept. = department; est. = established; max. = maximum;  incl. = including;
    esp. = especially; viz. = namely; cf. = compare; ca. = circa; Ph.D. | Ph.D = PhD; a.m. = AM; p.m. = PM;
    w/o = without; w/ = with; et al. = and others; Jan. = January; Feb. = February; Apr. = April; Aug. = August;
    Sept. = September; Oct. = October; Nov. = November; Ave. = Avenue; Blvd. = Boulevard
""")
