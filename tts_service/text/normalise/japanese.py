"""Japanese: a number is read together with its counter, which often changes both: サンボン (3本), ロッポン (6本).

Readings are in katakana, because a voice's dictionary would read 三本 as サンホン, and ハ in hiragana as ワ. Counters
after numbers in kanji (三本) or after 何 are read in the same way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from types import MappingProxyType

from num2words import num2words

from tts_service.text.normalise.amounts import SIGN, alternatives, signed
from tts_service.text.normalise.calendar import time_rule
from tts_service.text.normalise.language import Currency, Language, Noun, Signs, nouns, pairs
from tts_service.text.normalise.rules import Rule

_COUNTERS = pairs(
    """
    本 = ホン; 匹 = ヒキ; 杯 = ハイ; 分 = フン; 分間 = フンカン; 泊 = ハク; 回 = カイ; 階 = カイ; 個 | コ = コ; 課 = カ;
    軒 = ケン; 件 = ケン; 曲 = キョク; 巻 = カン; 歳 | 才 = サイ; 冊 = サツ; 足 = ソク; 週 = シュー; 週間 = シューカン;
    種類 = シュルイ; 世紀 = セーキ; 点 = テン; 頭 = トー; 通 = ツー; 着 = チャク; 丁目 = チョーメ; 枚 = マイ; 台 = ダイ;
    名 = メー; 番 = バン; 番目 = バンメ; 番線 = バンセン; 倍 = バイ; 円 = エン; 度 = ド; 秒 = ビョー; 羽 = ワ; 位 = イ;
    人 = ニン; 人前 = ニンマエ; 時 = ジ; 時間 = ジカン; 日 = ニチ; 日間 = ニチカン; 月 = ガツ; 年 = ネン;
    年間 = ネンカン; 年生 = ネンセー; 年代 = ネンダイ; 号 = ゴー; 号室 = ゴーシツ; 部屋 = ヘヤ; 品 = ヒン; 語 = ゴ;
    つ = ツ; か月 | ヶ月 | ケ月 | カ月 | ヵ月 = カゲツ; か国 | ヶ国 | カ国 = カコク; か所 | ヶ所 | カ所 = カショ
    """
)
_DAYS = {
    2: "フツカ", 3: "ミッカ", 4: "ヨッカ", 5: "イツカ", 6: "ムイカ", 7: "ナノカ", 8: "ヨーカ", 9: "ココノカ",
    10: "トーカ", 14: "ジューヨッカ", 20: "ハツカ", 24: "ニジューヨッカ",
}  # fmt: skip
_THINGS = ("ヒトツ", "フタツ", "ミッツ", "ヨッツ", "イツツ", "ムッツ", "ナナツ", "ヤッツ", "ココノツ")
# (counter, number) → the reading of both, if no rule gives it.
_WHOLE = {
    ("人", 1): "ヒトリ",
    ("人", 2): "フタリ",
    ("歳", 20): "ハタチ",
    ("才", 20): "ハタチ",
    ("部屋", 1): "ヒトヘヤ",
    ("部屋", 2): "フタヘヤ",
    **{("つ", number): reading for number, reading in enumerate(_THINGS, start=1)},
    **{("日", number): reading for number, reading in _DAYS.items()},
    **{("日間", number): f"{reading}カン" for number, reading in _DAYS.items()},
}
# Other words for 4, 7 and 9 at the end of a number, by counter.
_ENDINGS = {
    "時": {"ヨン": "ヨ", "ナナ": "シチ", "キュー": "ク"},
    "時間": {"ヨン": "ヨ", "ナナ": "シチ", "キュー": "ク"},
    "月": {"ヨン": "シ", "ナナ": "シチ", "キュー": "ク"},
    "人": {"ヨン": "ヨ", "ナナ": "シチ"},
    **{counter: {"ヨン": "ヨ"} for counter in ("円", "年", "年間", "年生", "人前")},
}
_AFTER_N = {
    "本": "ボン", "匹": "ビキ", "杯": "バイ", "分": "プン", "分間": "プンカン", "泊": "パク", "階": "ガイ",
    "軒": "ゲン", "足": "ゾク", "羽": "バ",
}  # fmt: skip
_HARD = {"ハ": "パ", "ヒ": "ピ", "フ": "プ", "ヘ": "ペ", "ホ": "ポ"}
_SHORTENED = {"イチ": "イッ", "ロク": "ロッ", "ハチ": "ハッ", "ジュー": "ジュッ", "ヒャク": "ヒャッ"}

_KANJI = "〇一二三四五六七八九"
_POWERS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "億": 10**8, "兆": 10**12}
_POWER_NAMES = {"十": "ジュー", "百": "ヒャク", "千": "セン", "万": "マン", "億": "オク", "兆": "チョー"}
_ARABIC = r"[0-9０-９]+(?:,[0-9]{3})*(?:\.[0-9]+)?"
# Words that begin like a number with a counter. 十分 is usually "enough".
_NOT_COUNTED = r"(?!十分(?!間)|三日月|五月雨|一人ひとり|一人一人|一日中|六本木|四日市)"
_LETTERS = pairs(
    """
    A = エー; B = ビー; C = シー; D = ディー; E = イー; F = エフ; G = ジー; H = エイチ; I = アイ; J = ジェー; K = ケー;
    L = エル; M = エム; N = エヌ; O = オー; P = ピー; Q = キュー; R = アール; S = エス; T = ティー; U = ユー; V = ブイ;
    W = ダブリュー; X = エックス; Y = ワイ; Z = ゼット
    """
)
_MOST_DIGITS = 15


class Japanese(Language):
    """Japanese. Readings of numbers are in katakana."""

    code = "ja"
    decimal = "."
    number = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
    fraction_by_digit = True
    month_first = True
    spaceless = True
    signs = Signs(
        point="テン",
        minus="マイナス",
        plus="プラス",
        times="カケル",
        by="カケル",
        divided="ワル",
        equals="ワ",
        percent="パーセント",
        to="カラ",
        and_="アンド",
        at="アットマーク",
        dot="ドット",
        slash="スラッシュ",
        hyphen="ハイフン",
        underscore="アンダーバー",
        number="ナンバー",
        about="ヤク",
        less="ヒク",
    )
    currencies = MappingProxyType(
        {
            sign: Currency(noun, Noun("セント", "セント"))
            for sign, noun in nouns(
                "¥ | ￥ | JPY = エン; $ | US$ | USD = ドル; € | EUR = ユーロ; £ | GBP = ポンド; ₩ = ウォン; ₹ = ルピー",
                plural="",
            ).items()
        }
    )
    magnitudes = nouns("万 = マン; 億 = オク; 兆 = チョー; million = ミリオン; billion = ビリオン", plural="")
    units = nouns(
        """
    km = キロメートル; m = メートル; cm = センチ; mm = ミリ; kg = キログラム; g = グラム; mg = ミリグラム; t = トン;
    l | L = リットル; ml | mL = ミリリットル; km² = ヘーホーキロメートル; m² | m2 | ㎡ = ヘーホーメートル;
    m³ = リッポーメートル; km/h = キロメートルマイジ; m/s = メートルマイビョー; h = ジカン; min = フン; s = ビョー;
    GB = ギガバイト; MB = メガバイト; TB = テラバイト; W = ワット; kW = キロワット; kWh = キロワットジ; V = ボルト;
    Hz = ヘルツ; GHz = ギガヘルツ; kcal = キロカロリー; ° = ド; °C | ° C | ℃ = ド; °F | ℉ = カシド; ％ = パーセント
    """,
        plural="",
    )
    per = pairs("h = マイジ; kg = パーキログラム; 人 = パーヒトリ; 月 = パーツキ; 日 = パーニチ")
    month_names = MappingProxyType({})
    abbreviations = MappingProxyType({})
    digits = ("ゼロ", "イチ", "ニ", "サン", "ヨン", "ゴ", "ロク", "ナナ", "ハチ", "キュー")
    half = "ニブンノイチ"

    def rules(self) -> Sequence[Rule]:
        return [*self._calendar_rules(), *self._counted_rules()]

    def late_rules(self) -> Sequence[Rule]:
        """Latin letters that are read by their names. Longer words are read as English."""

        def letters(match: re.Match[str]) -> str:
            number = self.amount(match["digits"]) if match["digits"] else ""
            return "".join(_LETTERS[letter] for letter in match["letters"]) + number

        alone = (
            r"(?<![A-Za-z0-9'’.@_-])(?<![A-Za-z] )(?P<letters>[A-Z]{1,3})(?P<digits>\d{1,4})?(?![\w'’@_]|[ .-][A-Za-z])"
        )
        return [Rule(re.compile(alone), letters)]

    def clock(self, hours: int, minutes: int, before: str) -> str:
        spoken = counted(hours, "時") if hours else "レージ"
        return spoken + (counted(minutes, "分") if minutes else "")

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        spoken = counted(month, "月") + ("ツイタチ" if day == 1 else counted(day, "日"))
        return (counted(year, "年") if year else "") + spoken

    def year(self, number: int) -> str:
        return self.cardinal(number)

    def fraction(self, numerator: int, denominator: int) -> str | None:
        if not 2 <= denominator <= 10 and denominator not in (100, 1000):
            return None
        return f"{self.cardinal(denominator)}ブンノ{self.cardinal(numerator)}"

    def mixed(self, whole: int, fraction: str) -> str:
        return f"{self.cardinal(whole)}ト{fraction}"

    def half_of(self, noun: Noun) -> str:
        return f"{noun.one}ノハンブン"

    def cardinal(self, number: int, gender: str = "") -> str:
        return katakana_of(number)

    def amount(self, written: str, gender: str = "") -> str:
        whole, fraction = self.split(written)
        if not fraction:
            return super().amount(written, gender)
        before = "レーテン" if not whole.strip("0") else _joined(super().amount(whole), "テン", "点")
        return before + self.spelled(fraction)

    def spelled(self, digits: str) -> str:
        return "".join(self.digits[int(digit)] for digit in digits)

    def _large(self, written: str) -> str:
        """A number with decimals, or a very long one, and 万 or the like after it: 1.5万."""
        number = unicodedata.normalize("NFKC", written).translate(str.maketrans(_KANJI, "0123456789"))
        digits = number.rstrip("".join(_POWERS))
        parts = re.findall(rf"[{''.join(_POWERS)}]|[^{''.join(_POWERS)}]+", digits)
        spoken = "".join(_POWER_NAMES.get(part) or self.amount(part) for part in parts)
        return spoken + "".join(_POWER_NAMES[power] for power in number[len(digits) :])

    def _calendar_rules(self) -> list[Rule]:
        """Dates, times, ranges and cents."""

        def date(match: re.Match[str]) -> str | None:
            month, day = int(match["month"]), int(match["day"])
            return self.date(day, month, int(match["year"]), "") if 1 <= month <= 12 and 1 <= day <= 31 else None

        def cents(match: re.Match[str]) -> str:
            main = self.currencies[match["currency"]].main.one
            return f"{self.amount(match['n'])}{main}{self.cardinal(int(match['cents']))}セント"

        return [
            Rule(re.compile(r"(?P<currency>[$€])(?P<n>\d{1,9})\.(?P<cents>[1-9]\d)(?!\w)"), cents),
            Rule(re.compile(r"(?<![\w./-])(?P<year>[12]\d{3})/(?P<month>\d{1,2})/(?P<day>\d{1,2})(?![\w/])"), date),
            Rule(re.compile(r"(?<=月)[1１一]日(?![間中])"), lambda _: "ツイタチ"),
            Rule(re.compile(r"(?:(?<=\d)|(?<=[月日年時分円人度歳])) ?[〜～~] ?(?=[¥￥$€£]?\d)"), lambda _: "カラ"),
            Rule(re.compile(r"(?<=\d)[-–](?=\d{1,3}(?:[日月年時分円人度歳回本個枚]|か月|ヶ月))"), lambda _: "カラ"),
            time_rule(self),
        ]

    def _counted_rules(self) -> list[Rule]:
        """Numbers in digits, in kanji, or 何, with a counter; and numbers in digits with 万 and the like."""

        def count(match: re.Match[str]) -> str:
            counter, number = match["counter"], _value(match["n"])
            if number is None:
                return signed(self, match, _joined(self._large(match["n"]), _COUNTERS[counter], counter))
            return signed(self, match, counted(number, counter))

        def how_many(match: re.Match[str]) -> str:
            return _joined("ナン", _COUNTERS[match["counter"]], match["counter"])

        def sized(match: re.Match[str]) -> str:
            number = _value(match["n"])
            return signed(self, match, self._large(match["n"]) if number is None else katakana_of(number))

        def part(match: re.Match[str]) -> str | None:
            numerator, denominator = _value(match["a"]), _value(match["b"])
            if numerator is None or denominator is None:
                return None
            return f"{katakana_of(denominator)}ブンノ{katakana_of(numerator)}"

        counters = alternatives(_COUNTERS)
        powers = "".join(_POWERS)
        mixed = rf"{_ARABIC}(?:[{powers}]+{_ARABIC})*[{powers}]*"
        in_kanji = rf"(?<![{_KANJI}{powers}])(?P<n>[{_KANJI}十百千][{_KANJI}{powers}]*)"
        after_what = alternatives(set(_COUNTERS) - {"つ", "コ", "語"})
        ends = "(?!本語|番組|時代|通り|人工)"
        either = rf"(?:{_ARABIC}|[{_KANJI}十百千]+)"
        return [
            Rule(re.compile(rf"(?<![\w.,/０-９])(?P<b>{either})分の(?P<a>{either})(?!{counters})"), part),
            Rule(
                re.compile(rf"{SIGN}(?<![\w.,/０-９])(?P<n>{mixed}) ?(?={counters}){ends}(?P<counter>{counters})"),
                count,
            ),
            Rule(re.compile(rf"{_NOT_COUNTED}{in_kanji}{ends}(?P<sign>)(?P<counter>{counters})"), count),
            Rule(re.compile(rf"何{ends}(?P<counter>{after_what})"), how_many),
            Rule(
                re.compile(
                    rf"{SIGN}(?<![\w.,/０-９])(?P<n>{_ARABIC}[{powers}]+(?:{_ARABIC}[{powers}]+)*)(?![\d０-９])"
                ),
                sized,
            ),
        ]


def counted(number: int, counter: str) -> str:
    """A number with its counter: (3, "本") → サンボン."""
    if (counter, number) in _WHOLE:
        return _WHOLE[counter, number]
    return _joined(katakana_of(number), _COUNTERS[counter], counter)


def katakana_of(number: int) -> str:
    """The reading of a number: 300 → サンビャク."""
    digits = str(number)
    if len(digits) > _MOST_DIGITS:
        return "".join(map(Japanese.digits.__getitem__, map(int, digits)))
    return long_vowels(num2words(number, lang="ja", reading=True))


def long_vowels(kana: str) -> str:
    """Kana as katakana, with the sign for long vowels: がっこう → ガッコー."""
    katakana = "".join(chr(ord(char) + 0x60) if "ぁ" <= char <= "ゖ" else char for char in kana)
    return _LONG.sub("ー", katakana)


_LONG = re.compile(
    "(?<=[オコゴソゾトドノホボポモヨロョウクグスズツヅヌフブプムユルュ])ウ|(?<=[エケゲセゼテデネヘベペメレェ])イ"
)


def _joined(number: str, spoken: str, counter: str) -> str:
    """A number and a counter in katakana, with the changes at their border."""
    for ending, other in _ENDINGS.get(counter, {}).items():
        if number.endswith(ending):
            return number.removesuffix(ending) + other + spoken
    if number.endswith(("サン", "セン", "マン", "ナン")) and counter in _AFTER_N:
        return number + _AFTER_N[counter]
    if number.endswith("ヨン") and counter in ("分", "分間", "泊"):
        return number + _HARD[spoken[0]] + spoken[1:]
    shortens = "ロク ヒャク イチ ハチ ジュー" if spoken[0] in "カキクケコハヒフヘホ" else "イチ ハチ ジュー"
    if spoken[0] in "カキクケコサシスセソタチツテトハヒフヘホ":
        for ending in shortens.split():
            if number.endswith(ending):
                return number.removesuffix(ending) + _SHORTENED[ending] + _HARD.get(spoken[0], spoken[0]) + spoken[1:]
    return number + spoken


def _value(written: str) -> int | None:
    """The number that is written in digits, in kanji or in both (1億2千万); None if it has decimals or is too long."""
    plain = unicodedata.normalize("NFKC", written).replace(",", "")
    if "." in plain or any(len(digits) > _MOST_DIGITS for digits in re.findall(rf"[\d{_KANJI}]+", plain)):
        return None
    total = section = number = 0
    for token in re.findall(r"\d+|.", plain):
        if token.isdecimal():
            number = int(token)
        elif token in _KANJI:
            number = number * 10 + _KANJI.index(token)
        elif _POWERS[token] < 10**4:
            section += (number or 1) * _POWERS[token]
            number = 0
        else:
            total += (section + number or 1) * _POWERS[token]
            section = number = 0
    return total + section + number
