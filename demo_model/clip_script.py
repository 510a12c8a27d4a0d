"""What is said in the bundled clips: sentences and voices of the test set only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a clip."""

    voice: str
    """Base voice and variant of the synthesiser."""
    english: str
    korean: str
    rate_wpm: int = 155
    """Words per minute."""
    pitch: int = 50
    """0 to 100."""

    @property
    def language(self) -> str:
        """`en` or `ko`."""
        return "ko" if self.voice.startswith("ko") else "en"


EN_A, EN_B = "en-us+Michael", "gmw/en-GB-x-rp+f3"
KO_A, KO_B = "ko+m5", "ko+f3"

_ENGLISH_MEETING = [
    Line(EN_A, "The meeting starts at six on Friday.", "회의는 금요일 여섯 시에 시작합니다."),
    Line(EN_B, "Hello, this is Jisoo from London.", "안녕하세요, 런던의 지수입니다."),
    Line(EN_A, "We have nine questions about the model.", "모델에 대한 질문이 아홉 개 있습니다."),
    Line(
        EN_A, "David will send the invoice by Monday.", "데이비드가 월요일까지 청구서를 보냅니다."
    ),
    Line(EN_B, "Susan delivered the product last month.", "수잔이 지난달에 제품을 전달했습니다."),
    Line(EN_B, "The website is quite clear.", "웹사이트는 꽤 분명합니다."),
    Line(
        EN_A,
        "The Northgate project starts in July.",
        "노스게이트 프로젝트는 칠월에 시작합니다.",
    ),
    Line(EN_B, "Please share the document and the letter.", "문서와 편지를 공유해 주세요."),
    Line(
        EN_A,
        "We have to review the letter this afternoon.",
        "우리는 오늘 오후에 편지를 검토해야 합니다.",
    ),
]
_KOREAN_MEETING = [
    Line(
        KO_A,
        "We need fifteen more days for the summary.",
        "요약본에 열다섯 날이 더 필요합니다.",
    ),
    Line(KO_B, "I think the invoice is short.", "제 생각에는 청구서가 짧습니다."),
    Line(KO_A, "Please call the colleague tomorrow.", "내일 동료에게 전화해 주세요."),
    Line(KO_B, "Could you prepare the model again?", "모델을 다시 준비해 주시겠어요?"),
    Line(KO_A, "Minho works for a company in Tokyo.", "민호는 도쿄에 있는 회사에서 일합니다."),
    Line(KO_B, "Our taxes changed by eight percent.", "우리 세금이 팔 퍼센트 바뀌었습니다."),
    Line(
        KO_B,
        "The support team saved the application this morning.",
        "지원 팀이 오늘 아침에 신청서를 저장했습니다.",
    ),
    Line(KO_A, "I am really busy now.", "저는 지금 정말 바쁩니다."),
]
_ENGLISH_TRAVEL = [
    Line(EN_B, "Today we will learn about art and music.", "오늘은 예술과 음악에 대해 배웁니다."),
    Line(
        EN_A, "The plane to Madrid leaves at one.", "마드리드로 가는 비행기는 한 시에 출발합니다."
    ),
    Line(EN_B, "The weather in Paris is quite cold.", "파리 날씨는 꽤 춥습니다."),
    Line(
        EN_A,
        "It takes five minutes from the factory to the school.",
        "공장에서 학교까지 오 분 걸립니다.",
    ),
    Line(
        EN_B,
        "We will meet in front of the school at four.",
        "우리는 네 시에 학교 앞에서 만납니다.",
    ),
    Line(
        EN_A, "Kevin lived in London for eight years.", "케빈은 런던에서 여덟 해 동안 살았습니다."
    ),
    Line(
        EN_A,
        "The subway from Seoul is ten minutes late.",
        "서울에서 오는 지하철이 십 분 늦습니다.",
    ),
    Line(
        EN_B,
        "The company will open fifteen offices in Tokyo.",
        "회사는 도쿄에 사무실을 열다섯 곳 엽니다.",
    ),
    Line(EN_A, "The restaurant in Paris is really crowded.", "파리의 식당은 정말 붐빕니다."),
    Line(EN_B, "There will be snow on Wednesday night.", "수요일 밤에 눈이 옵니다."),
]
_KOREAN_TRAVEL = [
    Line(KO_B, "Would you like milk or juice?", "우유나 주스를 드시겠어요?"),
    Line(KO_A, "I go to Paris by train next month.", "저는 다음 달에 기차로 파리에 갑니다."),
    Line(
        KO_B,
        "I met Yuna at the hotel two days ago.",
        "저는 이틀 전에 호텔에서 유나를 만났습니다.",
    ),
    Line(KO_A, "There will be rain on Tuesday morning.", "화요일 아침에 비가 옵니다."),
    Line(KO_B, "Jisoo wrote a book about education.", "지수는 교육에 관한 책을 썼습니다."),
    Line(KO_A, "My birthday is on January twenty.", "제 생일은 일월 이십 일입니다."),
    Line(
        KO_B,
        "Minho lost a black map at the factory.",
        "민호는 공장에서 검은 지도를 잃어버렸습니다.",
    ),
    Line(KO_A, "The room number is ten twelve.", "방 번호는 십 십이입니다."),
    Line(
        KO_B,
        "The students study culture every Tuesday.",
        "학생들은 화요일마다 문화를 공부합니다.",
    ),
]

CLIPS: dict[str, list[Line]] = {
    "clip": _ENGLISH_MEETING + _KOREAN_MEETING,
    "clip_en": _ENGLISH_TRAVEL,
    "clip_ko": _KOREAN_TRAVEL,
}
"""File name -> lines."""
