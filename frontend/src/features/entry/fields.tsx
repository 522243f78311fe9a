import { PasswordInput, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

export function PhoneInput({ phone, onPhone, label }: { phone: string; onPhone: (to: string) => void; label?: string }) {
  const { t } = useTranslation();
  return (
    <TextInput
      label={label ?? t("entry.phone")}
      type="tel"
      inputMode="tel"
      autoComplete="tel"
      placeholder="010-1234-5678"
      size="md"
      required
      withAsterisk={false}
      value={phone}
      onChange={(event) => onPhone(event.currentTarget.value)}
    />
  );
}

export function CodeInput({ code, onCode, digits }: { code: string; onCode: (to: string) => void; digits?: number }) {
  const { t } = useTranslation();
  return (
    <TextInput
      className="code"
      aria-label={t("entry.code")}
      inputMode={digits ? "numeric" : "text"}
      autoComplete="one-time-code"
      maxLength={digits ?? 16}
      size="lg"
      required
      autoFocus
      value={code}
      onChange={(event) => onCode(event.currentTarget.value)}
    />
  );
}

interface Secret {
  label: string;
  value: string;
  onValue: (to: string) => void;
  isNew?: boolean;
}

export function Password({ label, value, onValue, isNew = false }: Secret) {
  const { t } = useTranslation();
  return (
    <PasswordInput
      label={label}
      {...(isNew ? { description: t("entry.passwordRule") } : {})}
      autoComplete={isNew ? "new-password" : "current-password"}
      size="md"
      required
      withAsterisk={false}
      value={value}
      onChange={(event) => onValue(event.currentTarget.value)}
      visibilityToggleButtonProps={{ "aria-label": label }}
    />
  );
}
