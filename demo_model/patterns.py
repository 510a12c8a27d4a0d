"""Sentence patterns of the demo language, English and Korean side by side.

`{class}` takes a word of that class, the same in both languages; a digit makes a second,
different word of the class (`{thing2}`); `.form` names a form of it; `:particle` adds the Korean
particle that fits. A line is `English | Korean`. The topics only group the lines.
"""

from __future__ import annotations

# ruff: noqa: E501 - a pattern is one line

MEETINGS = """
The meeting starts at {hour} on {day}. | 회의는 {day} {hour} 시에 시작합니다.
The {team} team {verb.past} the {thing} {ago}. | {team} 팀이 {ago} {thing:을} {verb.past}.
{name} will {verb} the {thing} by {day}. | {name:이} {day}까지 {thing:을} {verb.pres}.
{name} will {verb} the {thing} by {month}. | {name:이} {month}까지 {thing:을} {verb.pres}.
The {thing} is {degree} {state}. | {thing:은} {degree} {state}.
I think the {thing} is {state}. | 제 생각에는 {thing:이} {state}.
We need {count} more days for the {thing}. | {thing}에 {count} 날이 더 필요합니다.
Please {verb} the {thing} and the {thing2}. | {thing:과} {thing2:을} {verb.req} 주세요.
Could you {verb} the {thing} again? | {thing:을} 다시 {verb.req} 주시겠어요?
We have to {verb} the {thing} {when}. | 우리는 {when} {thing:을} {verb.must} 합니다.
Let us talk about the {thing} {when}. | {when} {thing}에 대해 이야기합시다.
We have {count} questions about the {thing}. | {thing}에 대한 질문이 {count} 개 있습니다.
Who will {verb} the {ordinal} {thing}? | 누가 {ordinal} {thing:을} {verb.fut} 건가요?
The {team} team has {count} new {person.many}. | {team} 팀에 새 {person:이} {count} 명 있습니다.
{name} and {name2} agree with the {thing}. | {name:과} {name2:은} {thing}에 동의합니다.
I do not agree with the {ordinal} {thing}. | 저는 {ordinal} {thing}에 동의하지 않습니다.
We {verb.past} {count} {thing.many} {ago}. | 우리는 {ago} {thing} {count} 개를 {verb.past}.
There is a problem with the {team} {thing}. | {team} {thing}에 문제가 있습니다.
Our {person} wants to {verb} the {thing}. | 우리 {person:이} {thing:을} {verb.and} 싶어 합니다.
Nobody wants to {verb} the {thing} {when}. | {when} 아무도 {thing:을} {verb.and} 싶어 하지 않습니다.
The next item is the {thing} for {month}. | 다음 안건은 {month} {thing}입니다.
Let me {verb} the {thing} before {hour}. | {hour} 시 전에 제가 {thing:을} {verb.fut} 것입니다.
Did {name} {verb} the {thing}? | {name:이} {thing:을} {verb.ask}?
The {term} project starts in {month}. | {term} 프로젝트는 {month}에 시작합니다.
{name} {verb.past} the {thing} {ago}. | {name:이} {ago} {thing:을} {verb.past}.
"""

BUSINESS = """
Our {metric} {move} by {sino} percent. | 우리 {metric} {sino} 퍼센트 {move}.
In {month} our {metric} {move} again. | {month}에 우리 {metric} 다시 {move}.
The {metric} in {country} {move} {ago}. | {ago} {country}의 {metric} {move}.
We sold {amount} {item.many} in {country}. | 우리는 {country}에서 {item:을} {amount} 개 팔았습니다.
The company will open {count} offices in {city}. | 회사는 {city}에 사무실을 {count} 곳 엽니다.
The price of the {item} is {amount} dollars. | {item}의 가격은 {amount} 달러입니다.
{name} works for a company in {city}. | {name:은} {city}에 있는 회사에서 일합니다.
The {person} from {city} called {ago}. | {ago} {city}의 {person:이} 전화했습니다.
Please call the {person} {when}. | {when} {person}에게 전화해 주세요.
{name} is a {person} at the {place}. | {name:은} {place}의 {person}입니다.
The contract with {name} ends in {month}. | {name:과}의 계약은 {month}에 끝납니다.
We will hire {count} {person.many} in {month}. | 우리는 {month}에 {person} {count} 명을 채용합니다.
"""

LECTURES = """
Today we will learn about {topic} and {topic2}. | 오늘은 {topic:과} {topic2}에 대해 배웁니다.
The {ordinal} lecture is about {topic}. | {ordinal} 강의는 {topic}에 관한 것입니다.
I think {topic} is {degree} important in {country}. | 제 생각에 {country}에서 {topic:은} {degree} 중요합니다.
Please open the book at page {sino}. | 책의 {sino} 쪽을 펴 주세요.
This example explains the {ordinal} question. | 이 예는 {ordinal} 질문을 설명합니다.
The students study {topic} every {day}. | 학생들은 {day}마다 {topic:을} 공부합니다.
{name} wrote a book about {topic}. | {name:은} {topic}에 관한 책을 썼습니다.
Why is {topic} so important in {city}? | 왜 {city}에서 {topic:이} 그렇게 중요한가요?
The exam on {topic} is on {month} {date}. | {topic} 시험은 {month} {date} 일입니다.
The answer to question {sino} is {state}. | {sino} 번 문제의 답은 {state}.
My teacher likes {topic} more than {topic2}. | 제 선생님은 {topic2}보다 {topic:을} 더 좋아합니다.
You can find the {topic} books on floor {sino}. | {topic} 책은 {sino} 층에 있습니다.
"""

TRAVEL = """
The {vehicle} to {city} leaves at {hour}. | {city:으로} 가는 {vehicle:은} {hour} 시에 출발합니다.
I go to {city} by {vehicle} {when}. | 저는 {when} {vehicle:으로} {city}에 갑니다.
{name} lost a {color} {item} at the {place}. | {name:은} {place}에서 {color} {item:을} 잃어버렸습니다.
I would like to {work} {count} {item.many}. | 저는 {item} {count} 개를 {work.and} 싶습니다.
The {place} in {city} is {degree} {siteadj}. | {city}의 {place:은} {degree} {siteadj}.
It takes {sino} minutes from the {place} to the {place2}. | {place}에서 {place2}까지 {sino} 분 걸립니다.
The {vehicle} from {city} is {sino} minutes late. | {city}에서 오는 {vehicle:이} {sino} 분 늦습니다.
Where is the {color} {item}? | {color} {item:은} 어디에 있나요?
The {item} is in the {color} {item2}. | {item:은} {color} {item2} 안에 있습니다.
{name} lived in {city} for {count} years. | {name:은} {city}에서 {count} 해 동안 살았습니다.
We will meet in front of the {place} at {hour}. | 우리는 {hour} 시에 {place} 앞에서 만납니다.
How long does the {vehicle} to the {place} take? | {place}까지 {vehicle:으로} 얼마나 걸리나요?
Turn left at the {place} and go straight. | {place}에서 왼쪽으로 돌아서 곧장 가세요.
Turn right after the {place}. | {place:을} 지나서 오른쪽으로 가세요.
The room number is {sino} {sino2}. | 방 번호는 {sino} {sino2}입니다.
{name} travelled to {country} by {vehicle}. | {name:은} {vehicle:으로} {country}에 여행을 갔습니다.
"""

WEATHER = """
The weather in {city} is {degree} {sky}. | {city} 날씨는 {degree} {sky}.
The weather on {day} {part} is {sky}. | {day} {part} 날씨가 {sky}.
There will be {fall} on {day} {part}. | {day} {part}에 {fall:이} 옵니다.
It is {sino} degrees in {city} {now}. | {now} {city:은} {sino} 도입니다.
There was a lot of {fall} in {country} {ago}. | {ago} {country}에 {fall:이} 많이 왔습니다.
Take your {item} because of the {fall}. | {fall} 때문에 {item:을} 가져가세요.
"""

DAILY = """
Would you like {food} or {food2}? | {food:이나} {food2:을} 드시겠어요?
I had {food} and {food2} {ago}. | 저는 {ago} {food:과} {food2:을} 먹었습니다.
{name} does not like {food}. | {name:은} {food:을} 좋아하지 않습니다.
The {food} at this {place} is {degree} good. | 이 {place}의 {food:은} {degree} 좋습니다.
I am {degree} {mood} {now}. | 저는 {now} {degree} {mood}.
{name} goes to the {place} every {part}. | {name:은} {part}마다 {place}에 갑니다.
Can you help me with the {item}? | {item} 좀 도와주시겠어요?
The {item} is on the {item2}. | {item:은} {item2} 위에 있습니다.
Please {work} the {color} {item}. | {color} {item:을} {work.req} 주세요.
My {person} {work.past} {count} {item.many}. | 제 {person:이} {item} {count} 개를 {work.past}.
My phone number ends with {sino} {sino2}. | 제 전화번호는 {sino} {sino2:으로} 끝납니다.
{name}, are you at the {place} {now}? | {name} 님, {now} {place}에 계신가요?
Hello, this is {name} from {city}. | 안녕하세요, {city}의 {name}입니다.
I met {name} at the {place} {ago}. | 저는 {ago} {place}에서 {name:을} 만났습니다.
The {place} opens at {hour} and closes at {hour2}. | {place:은} {hour} 시에 열고 {hour2} 시에 닫습니다.
If it rains {when}, I will stay at home. | {when} 비가 오면 저는 집에 있겠습니다.
My birthday is on {month} {date}. | 제 생일은 {month} {date} 일입니다.
{name} is waiting at the {place}. | {name:이} {place}에서 기다리고 있습니다.
"""

FIXED = """
Yes. | 네.
No. | 아니요.
No, no. | 아니요, 아니요.
Yes, yes. | 네, 네.
Thank you. | 감사합니다.
Good morning everyone. | 여러분 좋은 아침입니다.
Good evening. | 좋은 저녁입니다.
See you again. | 또 만나요.
Just a moment, please. | 잠시만요.
That is right. | 맞습니다.
I see. | 그렇군요.
I do not know. | 모르겠습니다.
Any questions? | 질문 있나요?
Very good. | 아주 좋아요.
Of course. | 물론입니다.
Can you hear me? | 제 말이 들리나요?
Please speak slowly. | 천천히 말씀해 주세요.
Thank you for your time. | 시간 내 주셔서 감사합니다.
Let us start. | 시작합시다.
That is all for today. | 오늘은 여기까지입니다.
"""

TOPICS: dict[str, str] = {
    "meetings": MEETINGS,
    "business": BUSINESS,
    "lectures": LECTURES,
    "travel": TRAVEL,
    "weather": WEATHER,
    "daily": DAILY,
}
"""Topic -> its patterns with slots; `FIXED` holds the short turns, which have none."""
