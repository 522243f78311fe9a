"""Sentences as they stand on the exam papers and handouts of an academy. Written for this benchmark."""

from __future__ import annotations

from typing import Final

KOREAN: Final = (
    "다음 글을 읽고 물음에 답하시오.",
    "밑줄 친 부분의 의미로 가장 적절한 것을 고르시오.",
    "함수의 그래프가 두 점을 지날 때 상수의 값을 구하시오.",
    "자연수를 크기순으로 나열할 때 열 번째에 오는 수는 얼마인가?",
    "오늘 아침 학교로 가는 길에 오랜 친구를 만나 함께 이야기를 나누었다.",
    "조선 후기에는 상품 화폐 경제가 발달하면서 신분 질서가 크게 흔들렸다.",
    "윗글에 대한 설명으로 옳지 않은 것은?",
    "물체의 질량이 일정할 때 가속도의 크기는 힘의 크기에 비례한다.",
    "세포 호흡은 미토콘드리아에서 일어나며 에너지를 방출하는 과정이다.",
    "이차방정식의 두 근의 합과 곱을 이용하여 식의 값을 계산하여라.",
    "주사위를 두 번 던질 때 나오는 눈의 수의 합이 일곱일 확률을 구하시오.",
    "글쓴이가 궁극적으로 말하고자 하는 바를 한 문장으로 요약하시오.",
    "그는 어려운 형편에도 불구하고 끝까지 학업을 포기하지 않았다.",
    "산과 염기가 만나면 중화 반응이 일어나 물과 염이 생성된다.",
    "직선과 원이 서로 다른 두 점에서 만나기 위한 조건을 찾으시오.",
    "바람이 불어오는 쪽으로 얼굴을 돌리면 계절이 바뀌는 냄새가 났다.",
    "민주주의는 시민의 자발적인 참여와 책임 의식을 바탕으로 성장한다.",
    "삼각형의 넓이가 가장 클 때 변의 길이를 구하는 과정을 서술하시오.",
    "지구의 자전축은 공전 궤도면에 대하여 약 스물세 도 기울어져 있다.",
    "화자의 정서와 태도를 중심으로 작품을 감상한 내용으로 알맞지 않은 것은?",
    "수열의 일반항을 구하고 첫째항부터 제십항까지의 합을 계산하시오.",
    "환율이 오르면 수출 기업의 가격 경쟁력은 높아지지만 수입 물가는 상승한다.",
    "빈칸에 들어갈 말로 가장 알맞은 것은 무엇인지 쓰시오.",
    "광합성에 영향을 미치는 요인에는 빛의 세기와 온도가 있다.",
    "훈민정음은 백성을 가르치는 바른 소리라는 뜻을 지니고 있다.",
    "제한 시간은 오십 분이며 답안지에 이름과 번호를 정확히 적는다.",
)
KOREAN_CHOICES: Final = (
    "인물의 심리가 간접적으로 드러난다.",
    "배경 묘사로 분위기를 만든다.",
    "대화를 통해 갈등이 심해진다.",
    "과거와 현재가 교차한다.",
    "서술자가 사건에 개입한다.",
    "삼백육십 그램",
    "힘의 방향과 반대이다.",
    "온도가 높을수록 빨라진다.",
    "평균보다 작은 값이다.",
    "두 직선은 서로 평행하다.",
    "국회의 동의가 필요하다.",
    "시장 가격이 하락한다.",
    "기압이 낮아진다.",
    "답을 정할 수 없다.",
)
ENGLISH: Final = (
    "Read the following passage and answer the questions below.",
    "The quick growth of cities changed the way people thought about time.",
    "Which of the following is closest in meaning to the underlined word?",
    "She had never seen the ocean before, and its size left her speechless.",
    "Scientists believe that regular sleep improves both memory and mood.",
    "Fill in each blank with the most appropriate expression.",
    "In 1969, more than 600 million people watched the first moon landing.",
    "Although he was tired, he stayed up late to finish the report.",
    "Trade between the two countries increased by 25 percent last year.",
    "The author suggests that failure is often the best teacher we have.",
    "Water boils at a lower temperature when the air pressure drops.",
    "Choose the sentence that does not fit the flow of the paragraph.",
    "Many birds travel thousands of miles every year to find food.",
    "If you want to learn a language, you should use it every day.",
    "The museum, which opened in 1902, attracts visitors from all over the world.",
    "Technology alone cannot solve every problem that society faces today.",
)
ENGLISH_CHOICES: Final = (
    "to raise money for the school",
    "because the train was late",
    "a change in public opinion",
    "neither of the two answers",
    "it depends on the weather",
    "careful planning and patience",
    "the cost of raw materials",
    "an unexpected visitor",
)
MIXED: Final = (
    "다음 중 however의 쓰임이 나머지와 다른 것은?",
    "빈칸에 공통으로 들어갈 단어는 because이다.",
    "DNA의 이중 나선 구조를 발견한 과학자를 쓰시오.",
    "속력이 20 km일 때 이동한 거리는 몇 km인가?",
    "우리 학교의 WiFi 비밀번호는 게시판에 있다.",
    "본문의 environment와 뜻이 같은 단어를 찾으시오.",
)
TABLE_HEADS: Final = ("과목", "문항", "배점", "시간", "평균", "등급")
SUBJECTS: Final = ("국어", "수학", "영어", "과학", "사회", "역사", "한문", "음악")
