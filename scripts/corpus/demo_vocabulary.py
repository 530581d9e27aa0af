"""Words, names and sentences from which `demo_articles` writes its Korean articles.

A sentence is a format string; each slot takes a `Word`, and the slot's format specification is
the particle that follows it, in either form: `{place:을}` gives 서울을 and 제주를. What is told is
invented and harmless; person names are combinations of frequent syllables.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Either form of a particle → (after a consonant, after a vowel).
PARTICLES = {
    form: pair
    for pair in (("은", "는"), ("이", "가"), ("을", "를"), ("과", "와"), ("으로", "로"))
    for form in pair
}
_READ_WITH_CONSONANT = frozenset("013678LMNRlmnr")  # 영 일 삼 육 칠 팔, 엘 엠 엔 아르
_READ_WITH_RIEUL = frozenset("178LRlr")
_RIEUL = 8
_TRAILING_MARKS = re.compile(r"(\([^()]*\)|[^\w()])+$")


@lru_cache(maxsize=8192)
def with_particle(word: str, particle: str) -> str:
    """Append the form of a particle that agrees with the last sound of a word.

    Args:
        word: ends in Hangul, a digit or a Latin letter (read one by one); quotation marks and a
            parenthesis after it are looked through.
        particle: either form of one of 은/는, 이/가, 을/를, 과/와, 으로/로.

    Raises:
        KeyError: the particle is none of these.
    """
    after_consonant, after_vowel = PARTICLES[particle]
    last = _TRAILING_MARKS.sub("", word)[-1:]
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        consonant, rieul = final > 0, final == _RIEUL
    else:
        consonant, rieul = last in _READ_WITH_CONSONANT, last in _READ_WITH_RIEUL
    if after_vowel == "로" and rieul:
        consonant = False
    return word + (after_consonant if consonant else after_vowel)


class Word(str):
    """A string whose format specification is a particle: `{place:을}` gives 한강을 or 제주를."""

    def __format__(self, particle: str) -> str:
        return with_particle(self, particle) if particle else str(self)


def _words(text: str) -> tuple[Word, ...]:
    return tuple(map(Word, text.split()))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.strip().splitlines())


def _people(text: str) -> tuple[Word, ...]:
    """Each word is a surname and, after a colon, its given names, separated by commas."""
    families = (family.split(":") for family in text.split())
    return tuple(Word(surname + name) for surname, names in families for name in names.split(","))


# ASSUME kiwipiepy 0.24.1 tags these names NNP in most contexts; the pools were chosen by trial.
PEOPLE = _people("""
김:시윤,가은,지안,지유,재민,도현,채원
이:가은,혜린,상우,기현,정아,우진,지환,예은,광수,태호,명수,민정 박:재민,연우,수아,지호,수정,주원
최:재민,나연,현주,다은,선영,지호,철수 신:재민,병철,정아,소율,광수,윤정,영수
정:소연,은채,수빈,정아,도윤,수아,지안,가은,명수,옥순,태호,성민,다은
강:상우,현주,은경,선영,지영,동현,영수,민정 조:수빈,재민,연우,지환,서연,수아,성민,영수
장:소연,경수,병철,시우,주원,상철,철수,명수 백:보람,지영,수정,성호
임:도현,현주,도윤,지우,정호,은주,태호,동현 한:채원,미영,병철,시윤,예린,지안,보람,명수,영수,성호
주:도윤,민규,예린,상철 오:혜린,경수,나연,현주,우진,정희,지영,태호
서:정아,지안,동현,성민,영수,민호,지훈 배:재민,나연,수아,철수 권:재민,지안,정호,은주,민정,태호
황:현주,지우,철수,명수,선영 안:도현,수빈,소연,진호,시우,광수,준호,태호 송:진호,현주,다은,보람,민정
류:혜린,수정,태호,영수 홍:현주,주원,예은,수아,보람,선영,수정 심:재민,상우,서연,은경
노:경수,우진,승우,선영 문:채원,주원,정호,수정,영수 손:경수,현주,수아,영수 남:유진,상우,현주
하:수빈,현우,혜진 민:현주,지환,지안 나:도현,현주,상훈 진:서연,현우,영수 천:주원,정호,은경,정훈
""")
CITIES = _words("""
서울 부산 대구 인천 광주 대전 울산 세종 수원 창원 전주 천안 포항 김해 평택 안산 남양주 제주 서귀포
강릉 원주 춘천 속초 여수 순천 목포 군산 익산 경주 안동 거제 통영 밀양 충주 아산 서산 논산 나주
광양 남원 정읍 김제 삼척 동해 태백 파주 김포 시흥 하남 오산 안성 여주 양평 가평 홍천 평창 정선
영월 단양 옥천 태안 담양 완도 고흥 남해 거창 울진 영덕
""")
WORLD_CITIES = _words("""
도쿄 오사카 베이징 상하이 런던 베를린 뉴욕 시카고 시드니 하노이 방콕 싱가포르 자카르타 뉴델리
두바이 마드리드 토론토 로마
""")
COMPANIES = _words("""
삼성전자 카카오 네이버 포스코 농협 셀트리온 대한항공 국민은행 신한은행 하나은행 기업은행 롯데마트
이마트 홈플러스 금호타이어 현대중공업 한미약품 유한양행 오뚜기 농심 빙그레 교보문고 매일유업
종근당 대웅제약 삼성생명 교보생명 신한카드 하이트진로 동원산업 풀무원 현대모비스 삼성전기
엔씨소프트 넥슨 넷마블 컴투스 고려아연 대한통운 현대자동차 한국타이어 현대건설
""")
PUBLIC_BODIES = _words("""
한국전력 한국도로공사 코레일 한국수자원공사 한국관광공사 한국가스공사 한국토지주택공사 코트라
산업은행 한국개발연구원
""")
UNIVERSITIES = _words("""
서울대 고려대 연세대 한양대 부산대 경북대 전남대 충남대 서강대 성균관대 동국대 건국대 중앙대
카이스트 포스텍 숭실대 인하대 아주대 영남대 강원대 충북대 전북대 경희대 단국대 명지대
한국과학기술원 한국생명공학연구원
""")
VENUES = _words("""
국립현대미술관 세종문화회관 교보문고 국립중앙박물관 유네스코 한국관광공사 동국대 건국대 단국대
경희대
""")
WORKS = _words("""
훈민정음 춘향전 홍길동전 심청전 팔만대장경 대동여지도 동의보감 난중일기 삼국유사 삼국사기 목민심서
""")
LANDMARKS = _words("""
한라산 지리산 설악산 북한산 낙동강 영산강 섬진강 한강 금강 석굴암 불국사 첨성대 경복궁 창덕궁
해인사 통도사 월정사 인천대교
""")
ACRONYMS = {"한국개발연구원": "KDI", "한국과학기술원": "KAIST", "한국전력": "KEPCO"}

# Slots that are drawn anew in every sentence.
FRESH_POOLS: Mapping[str, Sequence[Word]] = {
    "number": tuple(Word(n) for n in range(3, 90)),
    "percent": tuple(Word(n) for n in range(2, 60)),
    "month": tuple(Word(n) for n in range(1, 13)),
    "day": tuple(Word(n) for n in range(1, 29)),
    "year": tuple(Word(n) for n in range(1998, 2025)),
    "weekday": _words("월요일 화요일 수요일 목요일 금요일 토요일 일요일"),
    "when": _words("이날 최근 전날 올해 지난달 지난주 올봄 작년"),
    "said": _words("밝혔다 말했다 설명했다 전했다 강조했다 덧붙였다 답했다"),
    "crowd": _words("주민 학생 직원 청년 상인 관람객 전문가 자원봉사자 가족 어린이"),
    "quality": _words("새로운 꾸준한 다양한 뜻깊은 안전한 세심한 편리한 폭넓은 오래된 작은 든든한"),
    "aim": _words("교육 안전 환경 교통 복지 문화 건강 소통 나눔 기술 주거 돌봄"),
    "other_person": PEOPLE,
    "other_place": CITIES,
    "other_city": WORLD_CITIES,
    "other_org": COMPANIES + UNIVERSITIES,
}


@dataclass(frozen=True)
class Topic:
    """What an article of one topic is about: the pools of its cast and its sentences."""

    organisations: tuple[Word, ...]
    subjects: tuple[Word, ...]
    titles: tuple[Word, ...]
    items: tuple[Word, ...]
    sentences: tuple[str, ...]


TOPICS = (
    Topic(  # economy
        COMPANIES,
        WORLD_CITIES,
        _words("대표 회장 사장 부사장 본부장 전무"),
        _words("반도체 배터리 전기차 가전 식품 의류 철강 화장품 부품 가구"),
        _lines("""
{org:은} {month}월 {day}일 {place}에서 새 {item} 공장의 착공식을 열었다.
{org} {person} {title:은} {place}에서 {item} 생산을 크게 늘리겠다고 {said}.
{person} {title:은} "{place} 공장이 {org}의 앞날을 바꿀 것"이라고 {said}.
{org:이} {place:과} 맺은 협약에 따라 {item} 생산 시설이 {number}곳 더 들어선다.
{place}에 있는 {org} 연구소는 {item} 분야의 인력을 {number}명 더 뽑는다.
{subject} 시장에서 {org:이} 차지하는 {item} 점유율은 {percent}%까지 올랐다.
{org:은} {subject:으로} 보내는 {item} 물량을 작년보다 {percent}% 늘렸다.
{person} {title:은} {subject} 출장에서 돌아와 {item} 판매 계획을 손질했다.
{org}의 {item} 매출은 {year}년 이후 해마다 {percent}%씩 늘고 있다.
{place} 시민들은 {org:이} 약속한 일자리가 늘어나기를 기대했다.
투자자들은 {org:이} {subject}에서 거둔 {item} 판매 성과를 높게 평가했다.
{person} {title:은} {item} 협력 업체 {number}곳과 이익을 나누겠다고 {said}.
"""),
    ),
    Topic(  # politics
        PUBLIC_BODIES,
        LANDMARKS,
        _words("의원 시장 위원장 의장 차관 국장"),
        _words("예산안 조례안 교통망 상수도 도서관 주차장 공공주택 보육 정책"),
        _lines("""
{person} {title:은} {place}의 {item} 문제를 두고 {weekday} 토론회를 열었다.
{place} 시의회는 {item} 논의에 {org:을} 참여시키기로 뜻을 모았다.
{org:은} {subject} 주변의 시설 {number}곳을 점검한 결과를 의회에 보고했다.
{person} {title:은} "{subject:을} 지키는 일에는 여야가 없다"고 {said}.
{place:과} {org:은} {item} 사업의 비용을 절반씩 내기로 합의했다.
{person} {title:이} 제안한 {item} 계획은 찬성 {number}표로 통과되었다.
{subject} 관리 방안을 묻는 조사에서 응답자의 {percent}%가 찬성했다.
{org} 관계자는 {person} {title}의 제안을 {when} 검토하고 있다고 {said}.
{place}에서 열린 공청회에는 {crowd} {number}명이 나와 {item} 의견을 냈다.
{person} {title:은} {place} 곳곳을 돌며 {item} 현황을 직접 살폈다.
{org:이} 맡은 {subject} 정비 사업은 {month}월 {day}일에 끝날 예정이다.
예산 {percent}%를 {item}에 쓰자는 {person} {title}의 요구도 받아들여졌다.
"""),
    ),
    Topic(  # sport
        UNIVERSITIES,
        WORLD_CITIES,
        _words("감독 코치 선수 주장 단장"),
        _words("농구 배구 축구 야구 수영 양궁 탁구 배드민턴 육상 핸드볼"),
        _lines("""
{org} {item} 팀은 {month}월 {day}일 {place} 체육관에서 시즌 첫 경기를 치렀다.
{person} {title:이} 이끄는 {org:은} {place}에서 {number}점 차로 이겼다.
{person} {title:은} "{org:은} 끝까지 포기하지 않는 팀"이라고 {said}.
{subject}에서 열리는 국제 {item} 대회에는 모두 {number}개 팀이 나선다.
{org:은} {subject} 대회를 앞두고 {place}에서 {number}일 동안 훈련한다.
{place} 관중석을 채운 {crowd} {number}명은 {person}의 이름을 외쳤다.
{person} {title:은} 후반에만 득점의 {percent}%를 책임지며 {org:을} 구했다.
{item} 전문가들은 {org}의 수비가 작년보다 {percent}% 나아졌다고 평가했다.
{subject:으로} 떠나는 {item} 선수단은 {weekday} 아침 {place}에 모인다.
{person} {title:은} 부상에서 돌아온 뒤 {place}에서 하루 {number}번씩 연습했다.
{org:이} {item} 결승에 오른 것은 {year}년 이후 처음이다.
{place:과} {subject}의 {item} 친선 경기는 해마다 {month}월에 열린다.
"""),
    ),
    Topic(  # culture
        VENUES,
        WORKS,
        _words("작가 관장 감독 교수 연출가 기획자"),
        _words("전시 공연 낭독회 강연 사진전 음악회 축제 연극 뮤지컬"),
        _lines("""
{org:은} {month}월 {day}일부터 {place}에서 {subject} 특별 {item:을} 연다.
{person} {title:은} {subject:을} 오늘의 눈으로 다시 읽어 무대에 올렸다.
{person} {title:은} "{subject:은} 누구나 즐길 수 있는 이야기"라고 {said}.
{org:이} 마련한 {item}에는 첫날부터 {crowd} {number}명이 몰렸다.
{place} 관객들은 {subject:을} 새롭게 만날 기회라며 {item:을} 반겼다.
{person} {title:은} {year}년부터 {subject:을} 연구해 책 {number}권을 펴냈다.
{org:은} {place}의 빈집 {number}채를 {item} 공간으로 꾸몄다.
{subject:을} 소재로 한 {item:은} 예매율이 {percent}%를 넘었다.
{org:과} {person} {title:은} {weekday}마다 {item} 뒤에 관객과 대화한다.
{place}에서 먼저 선보인 {item:은} 내년에 {other_city:으로} 무대를 옮긴다.
{person} {title}의 손을 거친 {subject} 그림책도 {org}에서 볼 수 있다.
{subject} 원문 {number}쪽은 {org} 누리집에서 무료로 읽을 수 있다.
"""),
    ),
    Topic(  # science
        UNIVERSITIES,
        WORLD_CITIES,
        _words("교수 박사 연구원 소장 단장"),
        _words("배터리 센서 로봇 백신 위성 인공지능 촉매 신소재 현미경 망원경"),
        _lines("""
{org} {person} {title:은} 수명이 {percent}% 길어진 {item:을} 개발했다.
{person} {title} 연구팀은 {place} 실험실에서 {item:을} {number}번 시험했다.
{org:은} {subject} 연구진과 함께 {item} 기술의 원리를 밝혀냈다.
{person} {title:은} "{item} 연구는 {org}의 오랜 목표"라고 {said}.
{place}에 세워지는 {item} 연구동은 {org:이} {number}년 동안 운영한다.
{subject}에서 열린 학술 대회는 {person}의 {item} 논문을 우수작으로 뽑았다.
{org} 연구진은 {item} 비용을 지금의 {percent}%까지 줄일 수 있다고 내다봤다.
{person} {title:은} {year}년 {subject}에서 공부한 뒤 {place:으로} 돌아왔다.
{place} 기업 {number}곳은 {org:과} {item} 기술을 쓰는 계약을 맺었다.
{subject} 연구진도 같은 {item} 실험에서 비슷한 결과를 얻었다.
{person} {title:은} AI로 {item} 자료를 분석해 오차를 {percent}% 줄였다.
{org:은} {month}월 {day}일 {place}에서 {item:을} 시민에게 공개한다.
"""),
    ),
    Topic(  # local news
        COMPANIES,
        LANDMARKS,
        _words("이장 회장 센터장 조합장 소방관 관장"),
        _words("장터 우체국 산책로 공원 시장 쉼터 도서관 텃밭 축제 체험관"),
        _lines("""
{place} 주민들은 {month}월 {day}일 {subject} 아래에 새 {item:을} 열었다.
{person} {title:은} {place}에서 {number}년째 {item} 가꾸는 일을 해 왔다.
{org:은} {place}의 {item:을} 고치는 데 자원봉사자 {number}명을 보냈다.
{subject:을} 찾는 사람은 {item:이} 생긴 뒤 {percent}% 늘었다.
{person} {title:은} "{subject:은} {place}의 자랑"이라고 {said}.
{org:과} {place:은} {subject} 둘레에 나무 {number}그루를 심었다.
{place} 어르신 {number}명은 {weekday}마다 {item}에서 {crowd}에게 글을 가르친다.
{person} {title:은} {item} 수익의 {percent}%를 이웃에게 나누었다.
{org} 직원들은 {when} {subject:을} 오르며 쓰레기를 주웠다.
{item:을} 둘러본 {person} {title:은} {place} 사람들의 정성에 놀랐다고 {said}.
{subject} 근처 {item}에는 {org:이} 보낸 책 {number}권이 놓였다.
{place:은} {year}년부터 {item:을} {subject}까지 넓히는 계획을 세웠다.
"""),
    ),
)
# Sentences of one paragraph's cast, and of names that pass by once.
SIDE_SENTENCES = _lines("""
{town}에서 온 {guest} {guest_title:은} 이 소식을 듣고 {quality} 변화라며 반겼다.
{partner:은} 이 일을 돕고자 {aim} 기금 {number}억 원을 내놓았다.
{guest} {guest_title:은} "{town:과} {partner:이} 힘을 모은 결과"라고 {said}.
{town}에서도 비슷한 {aim} 모임이 {month}월 {day}일에 열린다.
{partner} 관계자는 {town:으로} {crowd} {number}명을 보내겠다고 {said}.
{guest} {guest_title:은} {partner}에서 {number}년 동안 {aim} 업무를 맡았다.
{weekday} 오전 {town}에는 {quality} {aim} 행사를 보려는 {crowd:이} 줄을 섰다.
{partner:과} {other_org:은} {quality} {aim} 자료를 함께 쓰기로 했다.
{guest} {guest_title:은} {town:을} 떠나기 전 {crowd}에게 {quality} 조언을 남겼다.
{town} 주민의 {percent}%는 {aim} 문제를 먼저 풀어야 한다고 답했다.
{other_place:과} {other_place}에서 온 {crowd:은} {town}의 준비를 눈여겨보았다.
{partner:은} {other_city} 지점에서도 같은 {aim} 활동을 이어 간다.
{other_person} 씨와 {guest} {guest_title:은} {aim} 계획을 놓고 의견을 나누었다.
{town:과} {other_place:을} 잇는 길은 {quality} 모습으로 바뀌었다.
{other_org} 직원이던 {other_person} 씨는 {town}에서 {quality} 가게를 열었다.
{guest} {guest_title:은} {other_place}의 {aim} 사례를 들어 설명을 이어 갔다.
{partner:이} 낸 자료를 보면 {aim} 비용은 {percent}% 줄었다.
{other_place} 출신인 {other_person} 씨는 {crowd} 대표로 뽑혔다.
(사진은 {town}에서 열린 {aim} 모임에 나온 {guest} {guest_title})
{town}의 ‘{quality} {aim} 학교’에는 {crowd} {number}명이 다닌다.
{partner:은} MOU를 맺은 {other_org:과} {aim} 인력을 주고받는다.
{other_city} 언론도 {partner}의 {quality} 시도를 {when} 소개했다.
{guest} {guest_title:은} {when} {other_city}에서 {aim} 강연을 했다.
{other_place}, {other_place}, {other_place} 등에서도 {aim} 문의가 이어졌다.
{other_person} 씨는 “{town}에서 보낸 시간이 {quality} 경험이었다”고 {said}.
{crowd} {number}명은 {partner:이} 만든 {quality} 안내서를 받았다.
{guest} {guest_title}의 말에 {crowd} {number}명이 손뼉을 쳤다.
{weekday} 저녁 {town}에서는 {other_person} 씨의 {quality} 연주도 이어졌다.
""")
# Without names; the first few also hold the pronouns that an ordinary article may show.
PLAIN_SENTENCES = _lines("""
이같이 {quality} 움직임은 앞으로도 이어질 전망이다.
그는 {quality} {aim:이} 무엇보다 중요하다고 {said}.
{crowd:은} {quality} {aim} 덕분에 생활이 한결 나아졌다고 {said}.
과연 {aim} 예산은 제때 마련될 수 있을까?
{quality} {aim} 계획은 {weekday} 회의에서 다시 다룬다.
참가비는 없으며 {crowd} 누구나 {month}월까지 신청할 수 있다.
행사장은 {crowd}의 웃음소리로 가득했다!
{aim} 분야의 만족도는 {percent}%로 나타났다.
{year}년에 시작된 {aim} 사업은 올해로 끝나지 않고 더 이어진다.
{crowd} {number}명 가운데 {percent}%는 {quality} 안내가 필요하다고 답했다.
비용은 모두 {number}억 원이며 {aim} 예산에서 나온다.
{weekday}부터는 {crowd:을} 위한 {quality} 강좌도 문을 연다.
{quality} {aim} 제도를 만들려면 시간이 더 필요하다는 지적도 있다.
참석자들은 {quality} 토론을 마친 뒤 {aim} 현장을 둘러보았다.
""")
PRONOUN_SENTENCES = _lines("""
그는 그것이 우리 모두의 일이라고 {said}.
그녀는 그에게 그 까닭을 물었고, 그는 {quality} 이야기를 들려주었다.
우리는 {when} 이곳에서 {crowd:을} 만나 저마다의 생각을 들었다.
이같이 {said}. 그는 여기에 {number}년을 바쳤다.
그들은 저희가 꿈꾸던 {aim:이} 바로 이것이라고 {said}.
누구나 그곳에 가면 {quality} 무언가를 얻는다고 그녀는 {said}.
나는 그를 {year}년에 처음 보았고, 그도 나를 기억했다.
그것은 {quality} 일이었지만 그들에게는 거기가 끝이 아니었다.
그는 “너희가 우리의 희망”이라며 {crowd}에게 고개를 숙였다.
""")
# A general essay: no proper noun at all.
ESSAY_SENTENCES = _lines("""
아침에 일찍 일어나 창문을 열면 {quality} 공기가 방 안으로 들어온다.
사람은 누구나 {quality} 습관을 하나쯤 가지고 살아간다.
하루에 {number}분씩 책을 읽으면 생각하는 힘이 조금씩 자란다.
{crowd:은} 저마다 다른 속도로 걷지만 결국 같은 길에서 만난다.
물을 자주 마시고 가볍게 걷는 일은 {aim:을} 지키는 첫걸음이다.
어릴 때 들은 이야기는 어른이 된 뒤에도 마음 한쪽에 남는다.
{quality} 음식을 천천히 먹으면 몸도 마음도 한결 가벼워진다.
비가 오는 {weekday}에는 따뜻한 차를 마시며 음악을 듣는 것이 좋다.
정원을 가꾸는 {crowd:은} 계절이 바뀌는 소리를 먼저 듣는다고 한다.
실수를 두려워하지 않는 태도가 {quality} 배움으로 이어진다.
{number}년 동안 일기를 쓴 사람은 자신을 더 잘 이해하게 된다.
옷장을 정리하다 보면 {quality} 추억이 담긴 물건을 발견하기도 한다.
{aim:은} 멀리 있지 않고 날마다 되풀이되는 작은 일 속에 있다.
좋은 대화는 말을 많이 하는 것보다 귀를 기울이는 데서 시작된다.
밤하늘의 별을 오래 바라보면 걱정이 작게 느껴진다.
{crowd}의 {percent}%는 산책이 생각을 정리하는 데 좋다고 답했다.
느리게 자라는 나무일수록 뿌리가 깊고 줄기가 단단하다.
{quality} 의자에 앉아 눈을 감으면 바람이 지나가는 소리가 들린다.
남을 돕는 일은 돕는 사람에게도 {quality} 기쁨을 준다.
돈을 아껴 쓰는 법은 {aim} 시간에 꼭 배워야 할 내용이다.
아이들은 놀이를 하면서 규칙을 지키는 까닭을 스스로 깨닫는다.
{when} 읽은 책에는 {quality} 집을 짓는 사람의 이야기가 나온다.
잠을 충분히 자야 기억이 오래가고 기분도 좋아진다.
새로운 길을 걸어 보는 것만으로도 하루가 {quality} 여행이 된다.
""")
# Each slot stands for another name: the densest sentences that still read as news.
NAME_LISTS = _lines("""
{person}, {person}, {person}, {person}, {person} 씨가 상을 받았다.
{place}, {place}, {place}, {place}, {place}, {place}에서 모였다.
{org}, {org}, {org}, {org}, {org}도 이름을 올렸다.
{place} {person}, {place} {person}, {place} {person} 씨가 {said}.
{org} {person}, {org} {person}, {org} {person} 씨도 함께했다.
""")
NAMES_ONCE = _lines("""
{place} {org} 직원 {person} 씨는 {weekday} {quality} 상을 받았다.
{place:과} {place}에서는 {month}월 {day}일 {quality} 장터가 열린다.
{org:은} {place}에서 {crowd} {number}명에게 {aim} 책을 나누었다.
{person} 씨는 {org:과} 함께 {quality} {aim} 모임을 만들었다.
{place:을} 떠난 {person} 씨는 {year}년부터 {quality} 빵을 굽는다.
{org:은} {crowd}의 {aim:을} 돕는 {quality} 사업에 힘을 보탠다.
{person} 씨와 {person} 씨는 {quality} {aim} 노래를 불렀다.
{place}의 {crowd:은} {org:이} 마련한 {quality} 강연을 들었다.
{place}에 사는 {person} 씨는 {when} {quality} 집을 지었다.
""")
ENGLISH_SENTENCES = _lines("""
The committee published its annual summary of {number} regional projects in {year}.
Around {percent} percent of the respondents asked for longer opening hours.
Engineers tested the new battery {number} times and reported stable results.
Visitors can download the full schedule and a map from the official website.
A second workshop for teachers and librarians follows later in the season.
The budget covers {number} schools, {day} libraries and a mobile exhibition.
Researchers compared {number} samples and found no significant difference.
Organisers expect about {number}00 guests, most of them families with children.
The panel also discussed open data, public transport and renewable energy.
""")
