from django.urls import path

from apps.accounts.api import me, passkeys, people, session

urlpatterns = [
    path("session", session.SessionView.as_view(), name="session"),
    path("session/code", session.AskForCodeView.as_view(), name="session-code"),
    path("session/code/verify", session.LogInByCodeView.as_view(), name="session-code-verify"),
    path("session/second-factor", session.ShowSecondFactorView.as_view(), name="session-second-factor"),
    path("session/second-factor/passkey", passkeys.ShowPasskeyView.as_view(), name="session-show-passkey"),
    path(
        "session/second-factor/passkey/options", passkeys.AskToShowView.as_view(), name="session-show-passkey-options"
    ),
    path("session/passkey", passkeys.LogInByPasskeyView.as_view(), name="session-passkey"),
    path("session/passkey/options", passkeys.AskToLogInView.as_view(), name="session-passkey-options"),
    path("password", me.PasswordView.as_view(), name="password"),
    path("password/reset", me.ResetPasswordView.as_view(), name="password-reset"),
    path("password/reset/code", me.AskToResetPasswordView.as_view(), name="password-reset-code"),
    path("phone", me.PhoneView.as_view(), name="phone"),
    path("phone/verify", me.VerifyPhoneView.as_view(), name="phone-verify"),
    path("me/sessions", me.OwnSessionsView.as_view(), name="own-sessions"),
    path("me/sessions/<uuid:handle>", me.OwnSessionView.as_view(), name="own-session"),
    path("me/second-factor", me.SecondFactorView.as_view(), name="second-factor"),
    path("me/second-factor/confirm", me.ConfirmSecondFactorView.as_view(), name="second-factor-confirm"),
    path("me/recovery-codes", me.RecoveryCodesView.as_view(), name="recovery-codes"),
    path("me/passkeys", passkeys.PasskeysView.as_view(), name="passkeys"),
    path("me/passkeys/options", passkeys.AskToAddView.as_view(), name="passkeys-options"),
    path("me/passkeys/<int:passkey_id>", passkeys.PasskeyView.as_view(), name="passkey"),
    path("people", people.PeopleView.as_view(), name="people"),
    path("people/<int:user_id>", people.PersonView.as_view(), name="person"),
    path("people/<int:user_id>/suspend", people.SuspendView.as_view(), name="person-suspend"),
    path("people/<int:user_id>/reactivate", people.ReactivateView.as_view(), name="person-reactivate"),
    path("people/<int:user_id>/invitation", people.InvitationView.as_view(), name="person-invitation"),
    path("people/<int:user_id>/sessions", people.PersonSessionsView.as_view(), name="person-sessions"),
    path("people/<int:user_id>/sessions/<uuid:handle>", people.PersonSessionView.as_view(), name="person-session"),
    path("people/<int:user_id>/second-factor", people.PersonSecondFactorView.as_view(), name="person-second-factor"),
    path("academy", people.AcademyView.as_view(), name="academy"),
]
