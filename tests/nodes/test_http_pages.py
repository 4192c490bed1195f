"""http_request: answers that come in pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.http.pages import next_link
from chalicelib.node_contract import HttpResponse, NodeFailure, Result

from .fakes import FakeTime, InTurn, refused, run

URL = "https://api.example.com/things"


def page(body: Any, link: str | None = None, url: str = "") -> HttpResponse:
    headers = {"content-type": "application/json", **({"link": link} if link else {})}
    return HttpResponse(200, headers, json.dumps(body).encode(), url)


def read(answers: list[HttpResponse], config: dict[str, Any] | None = None, **pages: Any) -> tuple[Any, list[str]]:
    """What the node gives, and the URLs it asked."""
    http = InTurn(answers=answers)
    result = run("http_request", {"url": URL, **(config or {}), "pages": pages}, http)
    assert isinstance(result, Result)
    return result.output, [asked["url"] for asked in http.asked]


def failure(answers: list[HttpResponse], **pages: Any) -> NodeFailure:
    with pytest.raises(NodeFailure) as caught:
        read(answers, **pages)
    return caught.value


def test_the_link_header_leads_on() -> None:
    output, asked = read([page([1, 2], '<?page=2>; rel="next"'), page([3])], next="link")
    assert output == {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": [3],
        "items": [1, 2, 3],
        "pages": 2,
        "complete": True,
    }
    assert asked == [URL, f"{URL}?page=2"]


@pytest.mark.parametrize("end", [None, "", False])
def test_a_part_of_the_answer_leads_on_until_it_is_nothing(end: Any) -> None:
    answers = [
        page({"data": [{"id": 1}], "links": {"next": "/more?p=2"}}),
        page({"data": [], "links": {"next": "https://api.example.com/more?p=3"}}),
        page({"data": [{"id": 2**60 + 1}], "links": {"next": end}}),
    ]
    output, asked = read(answers, next="body.links.next", items="body.data")
    assert output["items"] == [{"id": 1}, {"id": 2**60 + 1}]
    assert asked == [URL, "https://api.example.com/more?p=2", "https://api.example.com/more?p=3"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("body.data[-1].id", 2),
        ("body.data[0].id", 1),
        ("body.data[2].id", None),
        ("body.data[-3].id", None),
        ("body.data.id", None),
        ("body[0]", None),
        ("body.`@odata.nextLink`", 3),
        ("body.@odata", None),
        ("body.next-page", 4),
        ("body.ü", 5),
        ("headers.x-next", "6"),
        ("headers.content-type", "application/json"),
    ],
)
def test_a_place_is_a_path_of_names_and_positions(place: str, value: Any) -> None:
    body = {"data": [{"id": 1}, {"id": 2}], "@odata.nextLink": 3, "next-page": 4, "ü": 5, "": 0}
    answer = HttpResponse(200, {"content-type": "application/json", "x-next": "6"}, json.dumps(body).encode())
    assert read([answer], next="link", items=place)[0]["items"] == ([] if value is None else [value])


def test_a_cursor_may_be_the_id_of_the_last_item() -> None:
    answers = [page({"data": [{"id": "a"}, {"id": "b"}]}), page({"data": []})]
    output, asked = read(answers, next="body.data[-1].id", parameter="starting_after", items="body.data")
    assert (output["items"], asked) == ([{"id": "a"}, {"id": "b"}], [URL, f"{URL}?starting_after=b"])


def test_a_cursor_becomes_a_parameter() -> None:
    answers = [page({"r": [1], "cursor": "a&b"}), page({"r": [2], "cursor": 7}), page({"r": [3], "cursor": None})]
    output, asked = read(
        answers, {"query": {"q": "x", "after": "0"}}, next="body.cursor", parameter="after", items="body.r"
    )
    assert output["items"] == [1, 2, 3]
    assert asked == [f"{URL}?q=x&after=0", f"{URL}?q=x&after=a%26b", f"{URL}?q=x&after=7"]


def test_counting_ends_with_an_empty_page() -> None:
    output, asked = read([page([1, 2]), page([3, 4]), page([])], {"query": {"page": 9}}, parameter="page")
    assert (output["items"], output["pages"], output["complete"]) == ([1, 2, 3, 4], 3, True)
    assert asked == [f"{URL}?page=1", f"{URL}?page=2", f"{URL}?page=3"]


def test_counting_ends_with_a_short_page_where_their_size_is_known() -> None:
    output, asked = read([page([1, 2]), page([3])], parameter="offset", start=0, step=2, size=2)
    assert (output["items"], asked) == ([1, 2, 3], [f"{URL}?offset=0", f"{URL}?offset=2"])


def test_one_value_is_one_item_and_nothing_is_none() -> None:
    assert read([page({"a": 5})], next="link", items="body.a")[0]["items"] == [5]
    assert read([page({"a": None})], next="link", items="body.a")[0]["items"] == []
    assert read([page({"a": 5})], next="link", items="body.b.c")[0]["items"] == []
    assert read([page({"a": 5})], next="link")[0]["items"] == [{"a": 5}]


def test_enough_pages_or_items_say_whether_there_are_more() -> None:
    more = [page([1, 2], "<?p=2>;rel=next"), page([3, 4], "<?p=3>;rel=next"), page([5])]
    for pages, kept, count, complete in (
        ({"max_pages": 1}, [1, 2], 1, False),
        ({"max_pages": 3}, [1, 2, 3, 4, 5], 3, True),
        ({"max_items": 2}, [1, 2], 1, False),
        ({"max_items": 3}, [1, 2, 3], 2, False),
        ({"max_items": 5}, [1, 2, 3, 4, 5], 3, True),
        ({"max_items": 9, "max_pages": 2}, [1, 2, 3, 4], 2, False),
    ):
        output, asked = read(list(more), next="link", **pages)
        assert (output["items"], output["pages"], output["complete"], len(asked)) == (kept, count, complete, count)


def test_more_pages_than_anyone_asked_for_fail_rather_than_be_cut() -> None:
    answers = [page([n], f"<?p={n}>; rel=next") for n in range(101)]
    assert failure(answers, next="link").code == "too_many_pages"
    assert len(read(answers, next="link", max_pages=101)[0]["items"]) == 101
    assert len(read([*answers[:99], page([99])], next="link")[0]["items"]) == 100


@pytest.mark.parametrize("target", ["", "?", "things", URL, "?p=1"])
def test_pages_that_lead_back_end(target: str) -> None:
    answers = [page([1], "<?p=1>; rel=next"), page([2], f"<{target}>; rel=next")]
    if target in ("", "?"):
        answers[1] = page([2], "<?p=1>; rel=next")
    assert failure(answers, next="link").code == "pages_repeat"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("ftp://x", "bad_url"),
        ("http://[", "bad_url"),
        ("https://127.1/", "bad_url"),
        ("http://api.example.com/2", "insecure_url"),
    ],
)
def test_a_next_page_is_refused_like_a_redirect(target: str, code: str) -> None:
    found = failure([page({"next": target})], next="body.next")
    assert found.code == code
    assert str(found).startswith("https://api.example.com names as its next page ")


@pytest.mark.parametrize(
    ("value", "kind"), [(5, "a number"), (True, "true"), ({"a": 1}, "an object"), ([1, 2], "a list")]
)
def test_a_next_that_is_no_text_fails(value: Any, kind: str) -> None:
    found = failure([page({"next": value})], next="body.next")
    assert (found.code, str(found)) == ("pages_failed", f"pages.next must lead to a text, not to {kind}")


def test_another_origin_gets_no_secret_of_a_next_page() -> None:
    http = InTurn(
        answers=[page([1], "<https://other.example/2>; rel=next"), page([2], f"<{URL}?p=3>; rel=next"), page([3])]
    )
    headers = {"Authorization": "s3cr3t", "X-Key": "s3cr3t", "Accept": "application/json"}
    run("http_request", {"url": URL, "headers": headers, "pages": {"next": "link"}}, http)
    first, other, third = (asked["headers"] for asked in http.asked)
    assert other == {"accept": "application/json"}
    assert first == third == {"authorization": "s3cr3t", "x-key": "s3cr3t", "accept": "application/json"}


@pytest.mark.parametrize("came_from", [URL, "https://other.example/list"])
def test_another_origin_gets_no_body_of_a_next_page(came_from: str) -> None:
    target = "/2" if came_from != URL else "https://other.example/2"
    http = InTurn(answers=[page([1], f"<{target}>; rel=next", url=came_from), page([2])])
    config = {"url": URL, "method": "POST", "body": {"key": "s3cr3t"}, "pages": {"next": "link"}}
    with pytest.raises(
        NodeFailure, match=r"^the next page of https://api\.example\.com is at https://other\.example"
    ) as e:
        run("http_request", config, http)
    assert (e.value.code, len(http.asked)) == ("pages_failed", 1)


def test_the_same_origin_gets_the_body_of_each_page() -> None:
    http = InTurn(answers=[page([1], "<?p=2>; rel=next"), page([2])])
    run("http_request", {"url": URL, "method": "POST", "body": {"a": 1}, "pages": {"next": "link"}}, http)
    assert [json.loads(asked["body"]) for asked in http.asked] == [{"a": 1}] * 2


def test_credentials_of_the_url_go_with_its_next_pages() -> None:
    http = InTurn(answers=[page([1], f"<{URL}?p=2>; rel=next"), page([2])])
    run("http_request", {"url": URL.replace("//", "//me:pw@"), "pages": {"next": "link"}}, http)
    assert [asked["headers"]["authorization"] for asked in http.asked] == ["Basic bWU6cHc="] * 2


def test_a_next_page_is_relative_to_where_the_answer_came_from() -> None:
    answers = [page([1], "<2>; rel=next", url="https://other.example/list/1"), page([2])]
    assert read(answers, next="link")[1] == [URL, "https://other.example/list/2"]


def test_every_page_must_succeed() -> None:
    found = failure([page([1], "<?p=2>; rel=next"), HttpResponse(500, {}, b"")], next="link")
    assert (found.code, found.details["status"]) == ("http_status", 500)


def test_all_pages_share_the_time_of_the_node() -> None:
    time = FakeTime()
    answers = [page([n], f"<?p={n}>; rel=next") for n in range(9)]
    http = InTurn(answers=answers, then=lambda: time.sleep(3))
    with pytest.raises(NodeFailure) as caught:
        run("http_request", {"url": URL, "pages": {"next": "link"}}, http, time=time)
    assert (caught.value.code, str(caught.value)) == ("timeout", "the requests of the node took more than 7 s")
    assert [asked["limits"].seconds for asked in http.asked] == [7, 4, 1]


def test_items_past_the_size_of_an_output_end_the_reading() -> None:
    answers = [page(["x" * 300], f"<?p={n}>; rel=next") for n in range(9)]
    http = InTurn(answers=answers)
    with pytest.raises(NodeFailure, match="after 4 pages they have more than 1,000 bytes") as caught:
        run("http_request", {"url": URL, "pages": {"next": "link"}}, http, max_output_bytes=1_000)
    assert (caught.value.code, len(http.asked)) == ("output_too_large", 4)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        ("<a>; rel=next", "a"),
        ('<a>; rel="next"', "a"),
        ('<a>;rel="prev", <b>;rel="next"', "b"),
        ('<a> ; title="x, <y>; rel=next" ; rel="last  NEXT"', "a"),
        ("<a?b=1,2;c>; REL = next", "a?b=1,2;c"),
        ("<a>; rel=next, <b>; rel=next", "a"),
        ("<a>; rel=prev; rel=next", None),
        ('<a>; rel="nextpage"', None),
        ('<a>; rel=next; anchor="#x", <b>; rel=next', "b"),
        ("<a>; crossorigin; rel=next", "a"),
        ("<a>", None),
        ("a; rel=next", None),
        ("<a; rel=next", None),
        ('<a>; title="open; rel=next', None),
        ("<>; rel=next", ""),
    ],
)
def test_links_are_read_as_rfc_8288_says(header: str, target: str | None) -> None:
    assert next_link(header) == target


@pytest.mark.parametrize(
    "pages",
    [
        {},
        {"next": None},
        {"items": "body"},
        {"next": ""},
        {"next": "body."},
        {"next": "{% $nodes.a.output.next %}"},
        {"next": "$input.next"},
        {"next": "$run.id"},
        {"next": "$nodes"},
        {"next": "$item"},
        {"next": "$inptu"},
        {"next": "body.next & '?'"},
        {"next": "bodynext"},
        {"next": "body.`"},
        {"next": "body[x]"},
        {"next": "body..next"},
        {"next": "output.body"},
        {"next": "headers.X-Next"},
        {"next": "body\n"},
        {"next": "link", "items": "body["},
        {"next": "link", "items": "link"},
        {"next": "link", "items": 5},
        {"next": "link", "parameter": "page"},
        {"next": "body.next", "start": 1},
        {"parameter": ""},
        {"parameter": "page", "start": -1},
        {"parameter": "page", "step": 0},
        {"parameter": "page", "size": 0},
        {"parameter": "page", "max_pages": 0},
        {"parameter": "page", "max_pages": 1001},
        {"parameter": "page", "max_items": 100_001},
        {"parameter": "page", "untill": "x"},
        "link",
        [],
    ],
)
def test_pages_that_can_not_be_read_are_refused(pages: Any) -> None:
    assert refused("http_request", {"url": URL, "pages": pages}) == {"pages"}


@pytest.mark.parametrize(
    "pages",
    [
        None,
        {"next": "link"},
        {"next": "body.next", "parameter": "cursor"},
        {"parameter": "page", "start": 0, "step": 50, "size": 50, "max_pages": 1000, "max_items": 100_000},
        {"next": "headers.x-next", "items": "body.`a.b`[0][-1].c"},
    ],
)
def test_pages_that_can_be_read_are_accepted(pages: Any) -> None:
    assert refused("http_request", {"url": URL, "pages": pages}) == set()
