"""Chinese (Mandarin): no spaces between words, 两 for 2 before measure words, "百分之" (percent) before the number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

from tts_service.text.normalise.amounts import SIGN, START, alternatives, signed
from tts_service.text.normalise.arithmetic import is_year
from tts_service.text.normalise.calendar import time_rule
from tts_service.text.normalise.language import Language, Noun, Signs, currencies, nouns, pairs
from tts_service.text.normalise.rules import KANA_AND_HAN, Rule

_DIGITS = "零一二三四五六七八九"
# 2 before these is certainly 两. 月, 日, 号, 路, 楼 and 年级 are not among them: they are numbered, not counted, and 2
# before them is 二.
_MEASURES = (
    "个|位|名|本|张|条|只|件|杯|瓶|碗|盘|辆|台|匹|头|家|座|首|遍|次|双|套|种|份|片|棵|支|句|段|间|艘|架|栋|把|封|顿|袋|盒|"
    "块|元|美元|欧元|英镑|斤|公斤|千克|克|吨|米|厘米|公里|千米|里|升|倍|岁|人|天|周|年(?!级)|小时|分钟|秒|点(?!\\d)|千|万|亿|度"
)
_RANGE = "[-–—~～至到]"
_AFTER_UNIT = r"(?<=\d[年月日号点分时元块度℃人天岁个])|(?<=°C)|(?<=\d分钟)|(?<=\d小时)|(?<=\d公里)|(?<=\d公斤)"
_SPELLED_BEFORE = "路|室|房|号房|次列车|航班"
_SPELLED_AFTER = "电话|手机|手机号|号码|热线|密码|房号|验证码|微信|邮编"
_EMERGENCY = "110|119|120|122"


class Chinese(Language):
    """Mandarin. A gender means that something is counted, so that 2 is 两."""

    code = "zh"
    decimal = "."
    number = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
    fraction_by_digit = True
    month_first = True
    spaceless = True
    signs = Signs(
        point="点",
        minus="负",
        plus="加",
        times="乘",
        by="乘",
        divided="除以",
        equals="等于",
        percent="百分之",
        to="到",
        and_="和",
        at="艾特",
        dot="点",
        slash="斜杠",
        hyphen="横杠",
        underscore="下划线",
        number="号",
        about="大约",
        less="减",
    )
    currencies = MappingProxyType(
        currencies(
            "¥ | ￥ | RMB | CNY = 元; $ | US$ | USD = 美元; € | EUR = 欧元; £ | GBP = 英镑; HK$ | HKD = 港元; ₹ = 卢比",
            Noun("分", "分"),
        )
    )
    magnitudes = nouns("千 = 千; 万 = 万; 亿 = 亿; million = 百万; billion = 十亿", plural="")
    units = nouns(
        """
    km = 公里; m = 米; cm = 厘米; mm = 毫米; kg = 公斤; g = 克; mg = 毫克; t = 吨; l | L = 升; ml | mL = 毫升;
    km² = 平方公里; m² | m2 = 平方米; m³ = 立方米; km/h = 公里每小时; m/s = 米每秒; h = 小时; min = 分钟; s = 秒;
    GB = G B; MB = 兆; TB = T B; W = 瓦; kW = 千瓦; kWh = 度; V = 伏; Hz = 赫兹; GHz = 吉赫兹; kcal = 千卡;
    ° = 度; °C | ° C | ℃ = 摄氏度; °F | ℉ = 华氏度
    """,
        plural="",
    )
    per = pairs("h = 每小时; kg = 每公斤; km = 每公里")
    month_names = MappingProxyType({})
    abbreviations = MappingProxyType({})
    digits = tuple(_DIGITS)
    half = "二分之一"

    def rules(self) -> Sequence[Rule]:
        return [
            *self._spelled_rules(),
            *self._calendar_rules(),
            *self._range_rules(),
            *self._money_rules(),
            *self._sign_rules(),
        ]

    def late_rules(self) -> Sequence[Rule]:
        counted = rf"{START}(?<!第)2(?=\s?(?:{_MEASURES})|\s?{_RANGE}\s?\d{{1,3}}\s?(?:{_MEASURES}))"
        return [Rule(re.compile(counted), lambda _: "两")]

    def clock(self, hours: int, minutes: int, before: str) -> str:
        spoken = f"{self.cardinal(hours, 'counted')}点"
        if minutes == 0:
            return spoken
        if minutes == 30:
            return f"{spoken}半"
        return f"{spoken}{'零' if minutes < 10 else ''}{self.cardinal(minutes)}分"

    def date(self, day: int, month: int, year: int | None, before: str) -> str:
        spoken = f"{self.cardinal(month)}月{self.cardinal(day)}日"
        return f"{_by_digit(str(year))}年{spoken}" if year else spoken

    def year(self, number: int) -> str:
        """A number that could be a year, without 年: in Chinese it is rarely one."""
        return self.cardinal(number)

    def fraction(self, numerator: int, denominator: int) -> str | None:
        if not 2 <= denominator <= 10 and denominator not in (100, 1000):
            return None
        return f"{self.cardinal(denominator).removeprefix('一')}分之{self.cardinal(numerator)}"

    def mixed(self, whole: int, fraction: str) -> str:
        return f"{self.cardinal(whole)}又{fraction}"

    def half_of(self, noun: Noun) -> str:
        return f"半{noun.one}"

    def cardinal(self, number: int, gender: str = "") -> str:
        from cn2an import an2cn  # only Chinese voices need it

        words = str(an2cn(str(number), "low"))
        if gender and number == 2:
            return "两"
        return re.sub("^二(?=[千万亿])", "两", words)

    def amount(self, written: str, gender: str = "") -> str:
        return super().amount(written, gender).replace("幺", "一")

    def spelled(self, digits: str) -> str:
        """As in phone numbers, where 1 is 幺, because 一 sounds like 七."""
        return _by_digit(digits).replace("一", "幺")

    def _spelled_rules(self) -> list[Rule]:
        """Numbers of phones, rooms, buses and trains."""

        def spell(match: re.Match[str]) -> str:
            return self.spelled(match["n"])

        return [
            Rule(re.compile(rf"{START}(?P<n>1[3-9]\d{{9}})(?!\w|[.,]\d)"), spell),
            Rule(re.compile(rf"{START}(?P<n>\d{{3,5}})(?=\s?(?:{_SPELLED_BEFORE}))"), spell),
            Rule(re.compile(rf"(?<=[打拨叫]) ?(?P<n>{_EMERGENCY})(?!\d| ?[个次元块人])"), spell),
            Rule(re.compile(r"(?<=[A-Z])(?P<n>\d{3,5})(?![\w.])"), spell),
            *(
                Rule(
                    re.compile(
                        rf"(?<={word}{between})(?P<n>\d{{4,15}})(?![\w/:]|[.,-]\d| ?[元块多万千亿个人部台名位])"
                    ),
                    spell,
                )
                for word in _SPELLED_AFTER.split("|")
                for between in ("", "是", "：", ": ", ":", "是 ", " ")
            ),
        ]

    def _calendar_rules(self) -> list[Rule]:
        def year(match: re.Match[str]) -> str | None:
            return _by_digit(match["year"]) if is_year(match["year"]) else None  # "3000年": three thousand years

        def date(match: re.Match[str]) -> str | None:
            month, day = int(match["month"]), int(match["day"])
            return self.date(day, month, int(match["year"]), "") if 1 <= month <= 12 and 1 <= day <= 31 else None

        def clock(match: re.Match[str]) -> str:
            return self.clock(int(match["hours"]), int(match["minutes"]), "")

        def score(match: re.Match[str]) -> str:
            return f"{self.cardinal(int(match['a']))}比{self.cardinal(int(match['b']))}"

        pair = r"(?P<a>\d{1,3})[:：](?P<b>\d{1,3})(?![\d:：])"
        return [
            Rule(re.compile(r"(?<![\w./-])(?P<year>[12]\d{3})/(?P<month>\d{1,2})/(?P<day>\d{1,2})(?![\w/])"), date),
            Rule(re.compile(rf"(?<![\w.,])(?P<year>\d{{4}})(?=\s?(?:{_RANGE}\s?\d{{4}})?\s?年(?!级))"), year),
            Rule(re.compile(rf"(?:(?<=比分)|(?<=比分是)|(?<=比例是)){pair}"), score),
            time_rule(self),
            Rule(re.compile(r"(?<![\w.,:：])(?P<hours>[01]?\d|2[0-4])：(?P<minutes>[0-5]\d)(?![\d:：])"), clock),
            Rule(re.compile(rf"(?<![\w.,:：/]){pair}"), score),
        ]

    def _range_rules(self) -> list[Rule]:
        to = self.signs.to
        return [
            Rule(re.compile(rf"(?:{_AFTER_UNIT}) ?[-–—~～] ?(?=\d)"), lambda _: to),
            Rule(re.compile(r"(?<=[\d%]) ?(?:[~～]|——?) ?(?=[¥￥$€£]?\d)"), lambda _: to),
        ]

    def _money_rules(self) -> list[Rule]:
        """Percentages and prices."""
        number = self.number
        second = rf"(?: ?[-–~～] ?(?P<to>{number}))?"
        symbols = alternatives(self.currencies)

        def percent(match: re.Match[str]) -> str:
            first = "百" if match["n"] == "100" else self.amount(match["n"])
            last = f"到{self.amount(match['to'])}" if match["to"] else ""
            return signed(self, match, f"{self.signs.percent}{first}{last}")

        def money(match: re.Match[str]) -> str:
            size = self.magnitudes[match["size"]].one if match["size"] else ""
            amounts = [_trimmed(written) for written in (match["n"], match["to"]) if written]
            spoken = "到".join(self.amount(written, "counted") for written in amounts)
            return signed(self, match, f"{spoken}{size}{self.currencies[match['currency']].main.one}")

        def price(match: re.Match[str]) -> str:
            return self.amount(_trimmed(match["n"]), "counted")

        size = f"(?: ?(?P<size>{alternatives(self.magnitudes)}))?"
        return [
            Rule(re.compile(rf"{START}{SIGN}(?P<n>{number}){second} ?[%％]"), percent),
            Rule(re.compile(rf"{SIGN}(?<!\w)(?P<currency>{symbols}) ?(?P<n>{number}){second}{size}(?!\w)"), money),
            Rule(re.compile(rf"{START}{SIGN}(?P<n>{number}){second}{size} ?(?P<currency>{symbols})(?!\w)"), money),
            Rule(re.compile(rf"{START}(?P<n>{number})(?= ?(?:元|块|美元|欧元|英镑|日元))"), price),
        ]

    def _sign_rules(self) -> list[Rule]:
        """Temperatures below zero, and the signs for "number", "per" and "and"."""

        def below_zero(match: re.Match[str]) -> str:
            return f"零下{self.amount(match['n'])}{self.units.get(match['unit'], Noun('度', '度')).one}"

        def numbered(match: re.Match[str]) -> str:
            return f"{self.amount(match['n'])}号"

        return [
            Rule(
                re.compile(rf"(?<![\w.,)%°])(?<!\d )[-−–](?P<n>{self.number}) ?(?P<unit>℃|° ?C|度)(?!\w)"), below_zero
            ),
            Rule(re.compile(r"(?<!\w)(?:No\.|NO\.|№|#) ?(?P<n>\d+)(?:号|(?!\w|[.,]\d))"), numbered),
            Rule(
                re.compile(
                    rf"(?<=[{KANA_AND_HAN}])/(?=[{KANA_AND_HAN}])(?=公斤|斤|人|天|月|年|小时|个|次|晚|位|张|瓶|杯|米)"
                ),
                lambda _: "每",
            ),
            Rule(re.compile(rf"(?<=[\w{KANA_AND_HAN}]) ?& ?(?=[\w{KANA_AND_HAN}])"), lambda _: self.signs.and_),
        ]


def _by_digit(digits: str) -> str:
    return "".join(_DIGITS[int(digit)] for digit in digits)


def _trimmed(written: str) -> str:
    """A price without the zeros at the end of its decimals: 3.50 is said as 3.5."""
    return written.rstrip("0").rstrip(".") if "." in written else written
