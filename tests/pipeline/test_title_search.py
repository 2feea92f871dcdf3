"""How often a search of ml-100k finds a misspelled title, and offers another for a missing one."""

import random

import pytest

from movierec.core.paths import INDEX
from movierec.data.titles import display_title
from movierec.serving.catalogue import Catalogue
from movierec.serving.title_names import without_year
from movierec.serving.title_search import Rank, TitleIndex

LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Movies of 1999 to 2024; some have the title of an older one, such as Crash.
LATER = """
The Matrix | Fight Club | The Lord of the Rings: The Fellowship of the Ring | Inception
| Gladiator | Memento | American Beauty | The Dark Knight | City of God | Spirited Away
| Finding Nemo | Shrek | Harry Potter and the Sorcerer's Stone | Kill Bill: Vol. 1
| Eternal Sunshine of the Spotless Mind | Pan's Labyrinth | No Country for Old Men
| There Will Be Blood | WALL-E | Up | Avatar | Inglourious Basterds | Black Swan
| The Social Network | Drive | The Avengers | Django Unchained | Gravity | Her | Interstellar
| Whiplash | Mad Max: Fury Road | La La Land | Moonlight | Get Out | Parasite | Joker | Knives Out
| The Sixth Sense | Being John Malkovich | Magnolia | The Green Mile | Toy Story 3 | Toy Story 4
| Star Wars: Episode I - The Phantom Menace | Star Wars: The Force Awakens | Requiem for a Dream
| Snatch | Almost Famous | Crouching Tiger, Hidden Dragon | O Brother, Where Art Thou?
| Cast Away | X-Men | Donnie Darko | Mulholland Drive | Monsters, Inc. | Ocean's Eleven
| A Beautiful Mind | The Royal Tenenbaums | Moulin Rouge! | Black Hawk Down | Training Day
| The Pianist | Catch Me If You Can | Minority Report | Spider-Man | The Bourne Identity
| 28 Days Later | Chicago | Adaptation | Lost in Translation
| Pirates of the Caribbean: The Curse of the Black Pearl | Mystic River | Big Fish | Oldboy | Elf
| School of Rock | Love Actually | The Incredibles | Hotel Rwanda | Million Dollar Baby
| Sideways | The Notebook | Mean Girls | Napoleon Dynamite | Shaun of the Dead | Crash | Sin City
| Batman Begins | V for Vendetta | Brokeback Mountain | Walk the Line | Cinderella Man
| The Departed | The Prestige | Casino Royale | Little Miss Sunshine | Borat | Children of Men
| Babel | Cars | Ratatouille | Juno | Superbad | Zodiac | Hot Fuzz | Into the Wild | Once
| Slumdog Millionaire | Iron Man | Gran Torino | The Wrestler | Twilight | Let the Right One In
| District 9 | The Hangover | (500) Days of Summer | Moon | Coraline | Precious | The Hurt Locker
| The King's Speech | 127 Hours | The Fighter | Winter's Bone | How to Train Your Dragon
| Tangled | The Girl with the Dragon Tattoo | Melancholia | Hugo | Midnight in Paris | The Artist
| Bridesmaids | The Help | Argo | Lincoln | Life of Pi | Silver Linings Playbook | Looper
| Skyfall | The Hunger Games | Brave | Wreck-It Ralph | Frozen | The Wolf of Wall Street
| 12 Years a Slave | Prisoners | Rush | Nebraska | Boyhood | Birdman | Gone Girl | Nightcrawler
| The Imitation Game | Ex Machina | Guardians of the Galaxy | The Grand Budapest Hotel
| Inside Out | Spotlight | The Martian | The Revenant | Room | Sicario | Arrival | Zootopia
| Deadpool | Doctor Strange | Manchester by the Sea | Blade Runner 2049 | Dunkirk | Coco | Logan
| Wonder Woman | The Shape of Water | Black Panther | A Quiet Place | Hereditary | Roma
| Bohemian Rhapsody | Green Book | Once Upon a Time in Hollywood | Jojo Rabbit | Little Women
| Tenet | Soul | Nomadland | Dune: Part Two | Oppenheimer | Barbie
| Everything Everywhere All at Once | Top Gun: Maverick | The Batman
| Terminator 3: Rise of the Machines | Jurassic World | Mission: Impossible - Fallout
| Rocky Balboa | Scream 4 | Alien: Covenant | Prometheus
"""


@pytest.fixture(scope="module")
def index(workspace) -> TitleIndex:
    return Catalogue.read(workspace.path / INDEX).index


def misspell(title: str, n_typos: int, rng: random.Random) -> str:
    letters = list(title)
    for _ in range(n_typos):
        place = rng.choice([i for i, letter in enumerate(letters[:-1]) if letter.isalpha()])
        match rng.randrange(4):
            case 0:
                del letters[place]
            case 1:
                letters.insert(place, rng.choice(LETTERS))
            case 2:
                letters[place] = rng.choice(LETTERS.replace(letters[place].casefold(), ""))
            case _:
                letters[place : place + 2] = reversed(letters[place : place + 2])
    return "".join(letters)


@pytest.mark.parametrize(("n_typos", "min_letters", "least"), [(1, 5, 0.97), (2, 10, 0.9)])
def test_misspelled_titles_of_400_movies(index, n_typos, min_letters, least):
    """The movie is found, or among the few that may be meant; others are hardly ever found."""
    rng = random.Random(19)
    names = [display_title(without_year(title)).partition(" (")[0] for title in index.titles]
    long = [i for i, name in enumerate(names) if sum(map(str.isalpha, name)) >= min_letters]
    outcomes = []
    for item in rng.sample(long, 400):
        query = misspell(names[item], n_typos, rng)
        items = index.search(query)
        outcomes.append(item in (items or index.close(query)) or -bool(items))
    assert outcomes.count(True) >= least * len(outcomes)
    assert outcomes.count(-1) <= 0.01 * len(outcomes)


def test_later_movies(index):
    """Nothing is offered; a few are listed because words of their titles are in others."""
    queries = [title.strip() for title in LATER.split("|")]
    ranks = [min(index._by_rank(query), default=None) for query in queries]
    absent = [
        query
        for query, rank in zip(queries, ranks, strict=True)
        if rank not in (Rank.TITLE, Rank.TITLE_BUT_ARTICLES)
    ]
    missing = [query for query, rank in zip(queries, ranks, strict=True) if rank is None]
    assert len(absent) >= 180
    assert len(missing) >= 0.9 * len(absent)
    offered = [query for query in missing if index.close(query)]
    assert len(offered) <= 2, offered
    assert index.no_movie("The Matrix") == 'no movie called "The Matrix"; these data end in 1998'
