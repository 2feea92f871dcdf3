"""Titles of other catalogues: those that mean a movie, and those that must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movierec.serving.title_matching import TitleMatcher
from movierec.serving.title_names import join_words, spell, without_articles, year_of

TITLES = [  # as MovieLens spells them, in its data sets of 1998 to 2019
    "Star Wars: Episode IV - A New Hope (1977)",
    "Empire Strikes Back, The (1980)",
    "Star Wars: Episode VI - Return of the Jedi (1983)",
    "Star Wars: Episode I - The Phantom Menace (1999)",
    "Professional, The (a.k.a. Leon: The Professional) (1994)",
    "Twelve Monkeys (a.k.a. 12 Monkeys) (1995)",
    "Brazil (1985)",
    "8 1/2 (8½) (1963)",
    "Seven (Se7en) (1995)",
    "Godfather, The (1972)",
    "Godfather: Part II, The (1974)",
    "Rocky (1976)",
    "Rocky II (1979)",
    "Rocky III (1982)",
    "Alien (1979)",
    "Aliens (1986)",
    "Alien 3 (1992)",
    "Alien: Resurrection (1997)",
    "Toy Story (1995)",
    "Toy Story 2 (1999)",
    "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)",
    "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
    "Seventh Seal, The (Sjunde inseglet, Det) (1957)",
    "Postino, Il (1994)",
    "Boot, Das (1981)",
    "Enfer, L' (1994)",
    "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1963)",
    "Die Hard: With a Vengeance (1995)",
    "Die Hard 2 (1990)",
    "Die Hard (1988)",
    "M*A*S*H (1970)",
    "L.A. Confidential (1997)",
    "E.T. the Extra-Terrestrial (1982)",
    "WALL·E (2008)",
    "Sabrina (1954)",
    "Sabrina (1995)",
    "Psycho (1960)",
    "Psycho (1998)",
    "20,000 Leagues Under the Sea (1954)",
    "One Hundred and One Dalmatians (a.k.a. 101 Dalmatians) (1961)",
    "101 Dalmatians (1996)",
    "Nineteen Eighty-Four (1984)",
    "Cook the Thief His Wife & Her Lover, The (1989)",
    "Fast & Furious (2009)",
    "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)",
    "Lord of the Rings: The Two Towers, The (2002)",
    "Lord of the Rings: The Return of the King, The (2003)",
    "Kill Bill: Vol. 1 (2003)",
    "Kill Bill: Vol. 2 (2004)",
    "Dune: Part Two (2024)",
    "Harry Potter and the Deathly Hallows: Part 1 (2010)",
    "Harry Potter and the Deathly Hallows: Part 2 (2011)",
    "Birdman: Or (The Unexpected Virtue of Ignorance) (2014)",
    "(500) Days of Summer (2009)",
    "Æon Flux (2005)",
    "Les Misérables (2012)",
    "Naked Gun 33 1/3: The Final Insult (1994)",
    "Hot Shots! Part Deux (1993)",
    "Land Before Time III: The Time of the Great Giving (1995) (V)",
    "When Harry Met Sally... (1989)",
    "Pink Floyd - The Wall (1982)",
    "Nosferatu (Nosferatu, eine Symphonie des Grauens) (1922)",
    "Raiders of the Lost Ark (Indiana Jones and the Raiders of the Lost Ark) (1981)",
    "Dangerous Liaisons (1988)",
    "Three Colors: Red (Trois couleurs: Rouge) (1994)",
    "Three Colors: Blue (Trois couleurs: Bleu) (1993)",
    "Jungle2Jungle (1997)",
    "Wallace & Gromit: The Wrong Trousers (1993)",
    "Close Shave, A (1995)",
    "Mission: Impossible (1996)",
    "2001: A Space Odyssey (1968)",
    "3:10 to Yuma (2007)",
    "Heat (1995)",
    "Crush, The (1993)",
    "Wife, The (1995)",
    "Chasing Amy (1997)",
    "Chasing Amy (1997)",
    "Batman (1989)",
    "Batman: Mask of the Phantasm (1993)",
    "Pokémon: The First Movie (1998)",
    "Street Fighter (1994)",
    "Toy Soldiers (1991)",
    "Untitled Film Without a Year",
    "I, Robot (2004)",
    "...?! (2000)",
    "Nightwatch (1997)",
    "Nightwatch (Nattevagten) (1994)",
    "Malcolm X (1992)",
    "Friday the 13th Part VII: The New Blood (1988)",
    "Ocean's Eleven (2001)",
    "Face/Off (1997)",
    "William Shakespeare's Romeo and Juliet (1996)",
    "Star Trek: The Wrath of Khan (1982)",
    "Sgt. Bilko (1996)",
    "Ferris Bueller's Day Off (1986)",
    "It's a Wonderful Life (1946)",
]
CATALOGUE = TitleMatcher(TITLES)


@pytest.mark.parametrize(
    ("title", "year", "meant"),
    [
        # subtitles, with the year
        ("Star Wars", 1977, "Star Wars: Episode IV - A New Hope (1977)"),
        ("Star Wars: A New Hope", 1977, "Star Wars: Episode IV - A New Hope (1977)"),
        ("Star Wars IV: A New Hope", 1977, "Star Wars: Episode IV - A New Hope (1977)"),
        ("Star Wars: Episode V - The Empire Strikes Back", 1980, "Empire Strikes Back, The (1980)"),
        ("Return of the Jedi", 1983, "Star Wars: Episode VI - Return of the Jedi (1983)"),
        ("The Phantom Menace", 1999, "Star Wars: Episode I - The Phantom Menace (1999)"),
        ("Léon: The Professional", 1994, TITLES[4]),
        ("Léon", 1994, TITLES[4]),
        ("Dr. Strangelove", 1963, TITLES[26]),
        ("Die Hard with a Vengeance", 1995, "Die Hard: With a Vengeance (1995)"),
        ("Die Hard 2: Die Harder", 1990, "Die Hard 2 (1990)"),
        ("Kill Bill", 2003, "Kill Bill: Vol. 1 (2003)"),
        ("Birdman", 2014, "Birdman: Or (The Unexpected Virtue of Ignorance) (2014)"),
        ("Wallace and Gromit in A Close Shave", 1995, None),
        ("Wallace & Gromit: A Close Shave", 1995, "Close Shave, A (1995)"),
        ("The Wrong Trousers", 1993, "Wallace & Gromit: The Wrong Trousers (1993)"),
        ("Harry Potter and the Deathly Hallows", 2010, TITLES[50]),
        ("Romeo + Juliet", 1996, "William Shakespeare's Romeo and Juliet (1996)"),
        ("Star Trek II: The Wrath of Khan", 1982, "Star Trek: The Wrath of Khan (1982)"),
        ("A Space Odyssey", 1968, "2001: A Space Odyssey (1968)"),
        # articles in any place
        ("The Empire Strikes Back", 1980, "Empire Strikes Back, The (1980)"),
        ("Godfather, The", 1972, "Godfather, The (1972)"),
        ("Godfather", 1972, "Godfather, The (1972)"),
        ("The Lord of the Rings: The Two Towers", 2002, TITLES[45]),
        ("Lord of the Rings, The: The Two Towers", 2002, TITLES[45]),
        ("The Two Towers", 2002, TITLES[45]),
        ("Il postino", 1994, "Postino, Il (1994)"),
        ("Das Boot", 1981, "Boot, Das (1981)"),
        ("L’Enfer", 1994, "Enfer, L' (1994)"),
        ("The Good, the Bad and the Ugly", 1966, TITLES[44]),
        # original and alternative titles
        ("Le fabuleux destin d'Amélie Poulain", 2001, TITLES[20]),
        ("Amélie", 2001, TITLES[20]),
        ("La Cité des Enfants Perdus", 1995, TITLES[21]),
        ("Det sjunde inseglet", 1957, TITLES[22]),
        ("Trois couleurs : Rouge", 1994, TITLES[64]),
        ("Three Colours: Red", 1994, TITLES[64]),
        ("Il buono, il brutto, il cattivo", 1966, TITLES[44]),
        ("Indiana Jones and the Raiders of the Lost Ark", 1981, TITLES[62]),
        ("Nosferatu, eine Symphonie des Grauens", 1922, TITLES[61]),
        ("Birdman or (The Unexpected Virtue of Ignorance)", 2014, TITLES[52]),
        # numbers
        ("12 Monkeys", 1995, TITLES[5]),
        ("8½", 1963, "8 1/2 (8½) (1963)"),
        ("8 1/2", 1963, "8 1/2 (8½) (1963)"),
        ("Se7en", 1995, "Seven (Se7en) (1995)"),
        ("Rocky 2", 1979, "Rocky II (1979)"),
        ("Alien³", 1992, "Alien 3 (1992)"),
        ("The Godfather Part II", 1974, "Godfather: Part II, The (1974)"),
        ("The Godfather 2", 1974, "Godfather: Part II, The (1974)"),
        ("Twenty Thousand Leagues Under the Sea", 1954, TITLES[38]),
        ("101 Dalmatians", 1961, TITLES[39]),
        ("101 Dalmatians", 1996, "101 Dalmatians (1996)"),
        ("1984", 1984, "Nineteen Eighty-Four (1984)"),
        ("Naked Gun 33⅓: The Final Insult", 1994, TITLES[56]),
        ("Dune: Part 2", 2024, "Dune: Part Two (2024)"),
        ("500 Days of Summer", 2009, "(500) Days of Summer (2009)"),
        ("Ocean's 11", 2001, "Ocean's Eleven (2001)"),
        # punctuation, letters, spaces
        ("MASH", 1970, "M*A*S*H (1970)"),
        ("LA Confidential", 1997, "L.A. Confidential (1997)"),
        ("E. T. The Extra-Terrestrial", 1982, "E.T. the Extra-Terrestrial (1982)"),
        ("WALL-E", 2008, "WALL·E (2008)"),
        ("Fast and Furious", 2009, "Fast & Furious (2009)"),
        ("Aeon Flux", 2005, "Æon Flux (2005)"),
        ("les miserables", 2012, "Les Misérables (2012)"),
        ("When Harry Met Sally…", 1989, "When Harry Met Sally... (1989)"),
        ("Pink Floyd: The Wall", 1982, "Pink Floyd - The Wall (1982)"),
        ("The Cook, the Thief, His Wife & Her Lover", 1989, TITLES[42]),
        ("Jungle 2 Jungle", 1997, "Jungle2Jungle (1997)"),
        ("Pokemon: The First Movie", 1998, "Pokémon: The First Movie (1998)"),
        ("Dangerous Liasons", 1988, "Dangerous Liaisons (1988)"),
        ("Sergeant Bilko", 1996, "Sgt. Bilko (1996)"),
        ("Face Off", 1997, "Face/Off (1997)"),
        # years
        ("Heat", 1996, "Heat (1995)"),
        ("Heat", 1994, "Heat (1995)"),
        ("Heat (1995)", None, "Heat (1995)"),
        ("Heat", None, "Heat (1995)"),
        ("Sabrina", 1954, "Sabrina (1954)"),
        ("Sabrina", 1995, "Sabrina (1995)"),
        ("Psycho (1998)", None, "Psycho (1998)"),
        ("The Land Before Time III: The Time of the Great Giving", 1995, TITLES[58]),
        ("Untitled Film Without a Year", 2007, "Untitled Film Without a Year"),
        ("Nightwatch", 1997, "Nightwatch (1997)"),
        ("Nattevagten", 1994, "Nightwatch (Nattevagten) (1994)"),
        ("Chasing Amy", 1997, "Chasing Amy (1997)"),
        # other movies: remakes, sequels, series, common words
        ("Heat", 1986, None),
        ("Heat", 1997, None),
        ("Sabrina", None, None),
        ("Psycho", 1997, "Psycho (1998)"),
        ("Psycho", 1979, None),
        ("Star Wars", None, None),
        ("Star Wars", 1978, None),
        ("Star Wars", 1980, None),
        ("Star Wars", 1983, None),
        ("Star Wars: Episode II - Attack of the Clones", 2002, None),
        ("Star Wars: The Clone Wars", 2008, None),
        ("The Godfather", 1974, None),
        ("The Godfather: Part III", 1990, None),
        ("The Godfather: Part III", 1974, None),
        ("Rocky", 1979, None),
        ("Rocky IV", 1982, None),
        ("Alien", 1986, None),
        ("Aliens", 1979, None),
        ("Alien", 1997, None),
        ("Resurrection", 1997, None),
        ("Aliens 3", 1992, None),
        ("Toy Story", 1999, None),
        ("Toy Story 3", 1999, None),
        ("Kill Bill", 2004, None),
        ("Kill Bill: Vol. 2", 2002, None),
        ("Dune", 2024, None),
        ("Dune: Part One", 2024, None),
        ("Harry Potter and the Deathly Hallows: Part 3", 2011, None),
        ("Harry Potter and the Deathly Hallows", 2011, None),
        ("The Lord of the Rings: The Return of the King", 2001, None),
        ("The Lord of the Rings", 2003, None),
        ("Three Colors: White", 1994, None),
        ("Hard", 1988, None),
        ("Impossible", 1996, None),
        ("2001", 1968, None),
        ("Crush", 1992, None),
        ("A Wife", 1995, None),
        ("Batman", 1993, None),
        ("Star Wars: The Wrath of Khan", 1982, None),
        ("A Wonderful Life", 1946, None),
        ("The Lovers of Romeo and Juliet", 1996, None),
        ("The First Movie", 1998, None),
        ("Digimon: The First Movie", 1998, None),
        ("Street Fighters", 1994, None),
        ("Boy Soldiers", 1991, None),
        ("Love & Mercy", 2009, None),
        ("Friday the 13th Part VI: The New Blood", 1988, None),
        ("The", 1995, None),
        ("?", 2000, None),
        ("", 1995, None),
        ("", None, None),
    ],
)
def test_a_title_means_one_movie_or_none(title, year, meant):
    item = CATALOGUE.match([title], year).item
    assert (None if item is None else TITLES[item]) == meant


def test_every_dated_title_means_itself():
    dated = [title for title in TITLES if year_of(title) and not title.startswith("...")]
    assert [TITLES[CATALOGUE.match([title]).item] for title in dated] == dated


def test_a_movie_is_found_by_any_of_its_titles():
    match = CATALOGUE.match(["Fallen Star", "Det sjunde inseglet"], 1957)
    assert TITLES[match.item].startswith("Seventh Seal")
    assert CATALOGUE.match(["Amélie (2001)", "x"]).item == 20


@pytest.mark.parametrize(
    ("title", "year", "difference"),
    [
        ("Heat", 1995, ""),
        ("Heat", None, ""),
        ("Heat", 1996, "year"),
        ("Star Wars", 1977, "part"),
        ("Dangerous Liasons", 1988, "spelling"),
        ("Sabrina", None, ""),
    ],
)
def test_what_does_not_agree_is_said(title, year, difference):
    assert CATALOGUE.match([title], year).difference == difference


def test_all_movies_that_may_be_meant():
    def titles(*asked):
        return [TITLES[item] for item in CATALOGUE.match(*asked).items]

    assert titles(["Sabrina"]) == ["Sabrina (1954)", "Sabrina (1995)"]
    assert titles(["Chasing Amy"], 1997) == ["Chasing Amy (1997)"] * 2
    assert titles(["Nothing of the Kind"], 1997) == []
    years = TitleMatcher(["Capital (1991)", "Capital (1993)"])
    assert years.match(["Capital"], 1992).items == (0, 1)
    assert years.match(["Capital"], 1992).item is None


@pytest.mark.parametrize(
    ("title", "year", "near"),
    [
        ("Heat", 1986, "Heat (1995)"),
        ("Star Wars", None, "Star Wars: Episode IV - A New Hope (1977)"),
        ("Dangerous Liason", 1988, "Dangerous Liaisons (1988)"),
        ("Dangerous Liason", None, "Dangerous Liaisons (1988)"),
        ("Street Fighters", 1994, "Street Fighter (1994)"),
        ("E.T.", 1982, "E.T. the Extra-Terrestrial (1982)"),
        ("Qwertyuiop", 1994, None),
        ("", None, None),
    ],
)
def test_the_nearest_title(title, year, near):
    items = CATALOGUE.nearest([title], year)
    assert near in [TITLES[item] for item in items] if near else items == []


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_titles_are_spelled_one_by_one_or_together_alike(titles):
    lines = [" ".join(title.split()) for title in titles]
    together = spell("\n".join(lines)).split("\n")
    assert together == [spell(line) for line in lines]
    for line in together:
        assert spell(line) == line
        assert "\n" not in join_words(without_articles(line))


@given(st.text(), st.none() | st.integers(-5, 10**6))
def test_any_text_has_an_answer(title, year):
    CATALOGUE.match([title], year)
    CATALOGUE.nearest([title], year)


@pytest.mark.parametrize(
    "piece", ["a: ", "(", " - ", ", The", "The, ", "A. ", "A's ", "(The, ", "one "]
)
def test_a_very_long_title_takes_no_longer(piece):
    catalogue = TitleMatcher([piece * 20_000 + "(1995)", "Heat (1995)"])
    assert catalogue.match(["Heat"], 1995).item == 1
    catalogue.match([piece * 20_000], 1995)
    catalogue.nearest([piece * 20_000], 1995)
