"""Models in a real browser over a real process: what is clicked, the folder of runs then holds."""


def test_another_model_answers_after_a_yes_and_not_before(shop, page):
    page.goto(f"{shop.url}/#/models")
    page.click("[aria-label='Let second answer']")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert (shop.run / "current").read_text().strip() == "first"
    page.focus("[aria-label='Let second answer']")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the first button of the question has the keyboard
    page.wait_for_selector("text=second answers.")
    assert (shop.run / "current").read_text().strip() == "second"
    assert shop.ask("GET", "/v1/health/ready").json()["model"] == "second"
    page.wait_for_selector("[aria-label='Let first answer']")


def test_a_retrain_is_begun_and_followed_to_its_end(shop, page):
    page.goto(f"{shop.url}/#/models")
    page.wait_for_selector("text=there was none yet")
    page.click("text=Retrain now")
    page.wait_for_selector("text=The retrain is over")
    told = shop.ask("GET", "/v1/retrain").json()
    assert told["state"] in page.locator(".said").inner_text()
    shown = page.locator("section", has_text="The last retrain").first.inner_text()
    assert all(word in shown for word in [*told["words"], told["why"] or ""])
