"""Stories of a shop and its people, drawn: the service says what a plain model says."""

from hypothesis import settings

from story import Story

TestStory = Story.TestCase
TestStory.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, derandomize=True
)
