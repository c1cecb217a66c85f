"""The signature, and when a delivery is tried again."""

from __future__ import annotations

import base64

from app.domain.webhook import DELAYS, MAX_ATTEMPTS, delay_after, shown_secret, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    assert shown_secret(key) == SECRET
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_delivery_is_tried_ten_times_in_about_three_days() -> None:
    for attempts, delay in enumerate(DELAYS, start=1):
        waited = delay_after(attempts)
        assert waited is not None
        assert 0.9 * delay <= waited <= 1.1 * delay
    assert delay_after(MAX_ATTEMPTS) is None
    assert MAX_ATTEMPTS == 10
    assert 3 * 86_400 < sum(DELAYS) < 4 * 86_400
