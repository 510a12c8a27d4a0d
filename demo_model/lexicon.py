"""Word classes of the demo language: parallel English and Korean entries.

Each class is a compact text: entries separated by commas, `english=korean`. Where a class has
forms, they are separated by `/` (see `_nouns` and `_verbs`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One parallel lexicon entry."""

    english: dict[str, str]
    """Form name -> English text; the plain form has the name `""`."""
    korean: dict[str, str]
    """Form name -> Korean text; the plain form has the name `""`."""


def _plain(text: str) -> list[Entry]:
    pairs = [part.strip().split("=") for part in text.replace("\n", " ").split(",") if part.strip()]
    return [Entry({"": en}, {"": ko}) for en, ko in pairs]


def _nouns(text: str) -> list[Entry]:
    """Nouns with an English plural: `report/s=보고서` or `company/companies=회사`."""
    entries = []
    for entry in _plain(text):
        one, tail = entry.english[""].split("/")
        many = one + tail if tail in ("s", "es") else tail
        entries.append(Entry({"": one, "many": many}, {"": entry.korean[""]}))
    return entries


def _verbs(text: str) -> list[Entry]:
    """Verbs: `check/checked=확인하` (regular 하다) or with five Korean forms by `/`."""
    entries = []
    for entry in _plain(text):
        base, past = entry.english[""].split("/")
        korean = entry.korean[""].split("/")
        if len(korean) == 1:
            stem = korean[0].removesuffix("하")
            korean = [stem + ending for ending in ("합니다", "했습니다", "해", "할", "하고")]
        forms = dict(zip(("pres", "past", "req", "fut", "and"), korean, strict=True))
        forms["must"] = forms["req"] + "야"
        forms["ask"] = forms["past"].removesuffix("다") + "까"
        entries.append(Entry({"": base, "past": past}, forms))
    return entries


LEXICON: dict[str, list[Entry]] = {
    "name": _plain(
        "Anna=안나, David=데이비드, Maria=마리아, Kevin=케빈, Susan=수잔, Peter=피터, Minho=민호,"
        "Jisoo=지수, Daniel=다니엘, Yuna=유나"
    ),
    "rare": _plain(
        "Henderson=헨더슨, Fitzgerald=피츠제럴드, Okafor=오카포, Lindqvist=린드크비스트,"
        "Beaumont=보몬트, Castellano=카스텔라노, Seungwoo=승우, Hyejin=혜진, Petrov=페트로프,"
        "Takahashi=다카하시, Nakamura=나카무라, Gallagher=갤러거"
    ),
    "term": _plain(
        "Skyhook=스카이훅, Bluefin=블루핀, Northgate=노스게이트, Mirae=미래온, Quantex=퀀텍스,"
        "Zephyr=제피르"
    ),
    "day": _plain(
        "Monday=월요일, Tuesday=화요일, Wednesday=수요일, Thursday=목요일, Friday=금요일,"
        "Saturday=토요일, Sunday=일요일"
    ),
    "month": _plain(
        "January=일월, February=이월, March=삼월, April=사월, May=오월, June=유월, July=칠월,"
        "August=팔월, September=구월, October=시월, November=십일월, December=십이월"
    ),
    "city": _plain(
        "Seoul=서울, Busan=부산, London=런던, Paris=파리, Tokyo=도쿄, Berlin=베를린,"
        "Sydney=시드니, Toronto=토론토, Chicago=시카고, Madrid=마드리드, Singapore=싱가포르"
    ),
    "country": _plain(
        "Korea=한국, Japan=일본, China=중국, Germany=독일, France=프랑스, Canada=캐나다,"
        "India=인도, Brazil=브라질"
    ),
    "thing": _nouns(
        "report/s=보고서, budget/s=예산, schedule/s=일정, contract/s=계약서, design/s=디자인,"
        "product/s=제품, proposal/s=제안서, presentation/s=발표 자료, website/s=웹사이트,"
        "survey/surveys=설문지, document/s=문서, plan/s=계획, invoice/s=청구서, model/s=모델,"
        "system/s=시스템, summary/summaries=요약본, application/s=신청서, project/s=프로젝트,"
        "letter/s=편지, photo/s=사진"
    ),
    "team": _plain(
        "marketing=마케팅, sales=영업, design=디자인, engineering=개발, support=지원,"
        "finance=재무, research=연구, legal=법무, training=교육"
    ),
    "person": _nouns(
        "manager/s=매니저, customer/s=고객, student/s=학생, teacher/s=선생님, doctor/s=의사,"
        "engineer/s=엔지니어, director/s=이사, assistant/s=비서, colleague/s=동료,"
        "visitor/s=방문객, driver/s=기사, lawyer/s=변호사"
    ),
    "place": _plain(
        "office=사무실, factory=공장, library=도서관, school=학교, airport=공항, station=역,"
        "hotel=호텔, hospital=병원, restaurant=식당, museum=박물관, bank=은행,"
        "warehouse=창고, laboratory=실험실, market=시장"
    ),
    "item": _nouns(
        "ticket/s=표, passport/s=여권, suitcase/s=가방, umbrella/s=우산, camera/s=카메라,"
        "map/s=지도, key/s=열쇠, wallet/s=지갑, phone/s=전화기, laptop/s=노트북, chair/s=의자,"
        "table/s=책상, book/s=책, box/es=상자"
    ),
    "food": _plain(
        "coffee=커피, tea=차, bread=빵, soup=수프, rice=밥, salad=샐러드, juice=주스,"
        "cake=케이크, fruit=과일, chicken=닭고기, milk=우유, fish=생선"
    ),
    "topic": _plain(
        "history=역사, science=과학, language=언어, music=음악, climate=기후, energy=에너지,"
        "water=물, memory=기억, health=건강, education=교육, economics=경제, culture=문화,"
        "technology=기술, mathematics=수학, art=예술, nature=자연"
    ),
    "vehicle": _plain(
        "train=기차, bus=버스, plane=비행기, taxi=택시, subway=지하철, ship=배, bicycle=자전거"
    ),
    "color": _plain(
        "red=빨간, blue=파란, yellow=노란, black=검은, white=하얀, green=초록색, brown=갈색"
    ),
    "state": _plain(
        "good=좋습니다, important=중요합니다, difficult=어렵습니다, ready=준비되었습니다,"
        "late=늦었습니다, expensive=비쌉니다, cheap=저렴합니다, simple=간단합니다,"
        "complicated=복잡합니다, new=새롭습니다, long=깁니다, short=짧습니다,"
        "clear=분명합니다, popular=인기가 많습니다, wrong=틀렸습니다, useful=유용합니다,"
        "complete=완전합니다, interesting=흥미롭습니다"
    ),
    "siteadj": _plain(
        "crowded=붐빕니다, quiet=조용합니다, large=큽니다, small=작습니다, clean=깨끗합니다,"
        "modern=현대적입니다, beautiful=아름답습니다, empty=비어 있습니다, closed=닫혔습니다,"
        "open=열려 있습니다, far=멉니다"
    ),
    "mood": _plain(
        "happy=기쁩니다, tired=피곤합니다, busy=바쁩니다, worried=걱정됩니다, hungry=배고픕니다,"
        "sick=아픕니다, surprised=놀랐습니다, sorry=죄송합니다, nervous=긴장됩니다"
    ),
    "sky": _plain(
        "sunny=맑습니다, cold=춥습니다, warm=따뜻합니다, cloudy=흐립니다, hot=덥습니다,"
        "humid=습합니다, cool=시원합니다"
    ),
    "fall": _plain("rain=비, snow=눈"),
    "degree": _plain("very=매우, really=정말, quite=꽤, a little=조금"),
    "when": _plain(
        "today=오늘, tomorrow=내일, next week=다음 주에, this week=이번 주에,"
        "next month=다음 달에, this afternoon=오늘 오후에, this evening=오늘 저녁에"
    ),
    "ago": _plain(
        "yesterday=어제, last week=지난주에, last month=지난달에, this morning=오늘 아침에,"
        "last year=작년에, two days ago=이틀 전에"
    ),
    "now": _plain("now=지금, today=오늘, this morning=오늘 아침, at the moment=현재"),
    "part": _plain("morning=아침, afternoon=오후, evening=저녁, night=밤"),
    "hour": _plain(
        "one=한, two=두, three=세, four=네, five=다섯, six=여섯, seven=일곱, eight=여덟,"
        "nine=아홉, ten=열, eleven=열한, twelve=열두"
    ),
    "count": _plain(
        "two=두, three=세, four=네, five=다섯, six=여섯, seven=일곱, eight=여덟, nine=아홉,"
        "ten=열, twelve=열두, fifteen=열다섯, twenty=스무"
    ),
    "sino": _plain(
        "two=이, three=삼, four=사, five=오, six=육, seven=칠, eight=팔, nine=구, ten=십,"
        "twelve=십이, fifteen=십오, twenty=이십, thirty=삼십, forty=사십, fifty=오십,"
        "sixty=육십, seventy=칠십, eighty=팔십, ninety=구십"
    ),
    "ordinal": _plain("first=첫 번째, second=두 번째, third=세 번째, fourth=네 번째, last=마지막"),
    "metric": _plain(
        "sales=매출이, costs=비용이, prices=가격이, profits=이익이, exports=수출이,"
        "imports=수입이, taxes=세금이, salaries=급여가"
    ),
    "move": _plain(
        "increased=증가했습니다, decreased=감소했습니다, rose=올랐습니다, fell=떨어졌습니다,"
        "changed=바뀌었습니다"
    ),
    "amount": _plain(
        "one hundred=백, two hundred=이백, three hundred=삼백, five hundred=오백,"
        "one thousand=천, two thousand=이천, four thousand=사천, six thousand=육천,"
        "ten thousand=만, thirty thousand=삼만, fifty thousand=오만, one million=백만,"
        "two million=이백만, seven million=칠백만"
    ),
    "date": _plain(
        "two=이, three=삼, four=사, five=오, six=육, seven=칠, eight=팔, nine=구, ten=십,"
        "twelve=십이, fifteen=십오, twenty=이십"
    ),
    "verb": _verbs(
        "check/checked=확인하, review/reviewed=검토하, finish/finished=완료하,"
        "update/updated=수정하, print/printed=출력하, share/shared=공유하,"
        "explain/explained=설명하, prepare/prepared=준비하, approve/approved=승인하,"
        "translate/translated=번역하, publish/published=발표하, test/tested=시험하,"
        "discuss/discussed=논의하, compare/compared=비교하, deliver/delivered=전달하,"
        "order/ordered=주문하, save/saved=저장하, delete/deleted=삭제하,"
        "send/sent=보냅니다/보냈습니다/보내/보낼/보내고,"
        "read/read=읽습니다/읽었습니다/읽어/읽을/읽고,"
        "make/made=만듭니다/만들었습니다/만들어/만들/만들고,"
        "change/changed=바꿉니다/바꾸었습니다/바꿔/바꿀/바꾸고,"
        "find/found=찾습니다/찾았습니다/찾아/찾을/찾고,"
        "bring/brought=가져옵니다/가져왔습니다/가져와/가져올/가져오고"
    ),
    "work": _verbs(
        "sell/sold=팝니다/팔았습니다/팔아/팔/팔고, buy/bought=삽니다/샀습니다/사/살/사고,"
        "lose/lost=잃어버립니다/잃어버렸습니다/잃어버려/잃어버릴/잃어버리고,"
        "repair/repaired=수리하, count/counted=셉니다/셌습니다/세/셀/세고,"
        "move/moved=옮깁니다/옮겼습니다/옮겨/옮길/옮기고,"
        "pack/packed=포장하, borrow/borrowed=빌립니다/빌렸습니다/빌려/빌릴/빌리고"
    ),
}
